"""Real gateways before an application ask Enlist at every request, as the guide says (X21, TP31).

The application is a program of its own that tells what it was told, so the test sees what a client
could make it believe.
"""

from __future__ import annotations

import base64
import getpass
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.architecture.source import ROOT
from tests.devices import Credentials, enroll
from tests.docs.pages import DocsPage
from tests.peers.base import DEADLINE, finish, free_port, launch, wait_until
from tests.peers.pki import Pki
from tests.server.enrolling import forged
from tests.server.proxies import CADDY, NGINX, PROXIES
from tests.serving import Server, launch_server

GUIDE = ROOT / "docs" / "how-to" / "gateways.md"
HOST = "app.example.com"
VISITOR = "127.0.0.2"
"""Where visitors come from: another address than the gateway's."""
AGENT = "visitor"
MINE = {
    "X-Enlist-User": "root",
    "X-Enlist-Device": "another",
    "X-Forwarded-For": "203.0.113.9",
    "X-Real-IP": "203.0.113.9",
}
"""What a client writes in the hope that the application believes it."""


class _Application(BaseHTTPRequestHandler):
    """Says which headers it got."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@dataclass
class Gateway:
    """Enlist, and a gateway before an application."""

    server: Server
    key: str
    url: str
    pki: Pki
    folder: Path
    count: int = 0

    def enroll(self) -> Credentials:
        self.count += 1
        return enroll(self.server, self.key, self.folder, self.count)

    @contextmanager
    def visitor(
        self, certificate: Path | None = None, key: Path | None = None
    ) -> Iterator[Visitor]:
        """Somebody on one connection, so that TLS itself is not asked again."""
        context = ssl.create_default_context(cafile=self.pki.authority)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        transport = httpx2.HTTPTransport(verify=context, local_address=VISITOR, trust_env=False)
        with httpx2.Client(
            base_url=self.url, transport=transport, timeout=DEADLINE, headers={"User-Agent": AGENT}
        ) as client:
            yield Visitor(client)

    def change(self, method: str, path: str, **body: object) -> None:
        """An administrator's request that must succeed."""
        with self.server.client(headers={"Authorization": f"Bearer {self.key}"}) as client:
            answer = client.request(method, f"/api/v1{path}", json=body or None)
        assert answer.is_success, answer.text

    def refusals(self, device: Credentials) -> list[dict[str, Any]]:
        """What the audit log has of a device that was turned away."""
        query = {"kind": "credential.refused", "device": device.device_id}
        with self.server.client(headers={"Authorization": f"Bearer {self.key}"}) as client:
            rows: list[dict[str, Any]] = client.get("/api/v1/events", params=query).json()["items"]
        return rows


@dataclass
class Visitor:
    """A client of the gateway."""

    client: httpx2.Client

    def status(self, **headers: str) -> int:
        return self.client.get("/", headers={**MINE, **headers}).status_code

    def told(self) -> dict[str, str]:
        """What the application heard of him."""
        answer = self.client.get("/", headers=MINE)
        assert answer.status_code == 200, answer.text
        heard: dict[str, str] = answer.json()
        return heard


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int]]:
    """Enlist, and the port of the application."""
    folder = tmp_path_factory.mktemp("gateway")
    server = launch_server(folder / "data", environment={"ENLIST_TRUSTED_PROXY": "127.0.0.1/32"})
    application = ThreadingHTTPServer(("127.0.0.1", 0), _Application)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    yield server, application.server_address[1]
    application.shutdown()
    application.server_close()
    server.stop()


@contextmanager
def started(
    name: str, mark: str, serving: tuple[Server, int], pki: Pki, folder: Path
) -> Iterator[Gateway]:
    """A gateway with the guide's block that has this in it, and the places of this machine."""
    server, application = serving
    port, root = free_port(), str(server.data / "pki" / "root.pem")
    (lines,) = [f"\n{each}" for each in DocsPage(GUIDE).blocks if mark in each]
    places = {
        f"/etc/ssl/{HOST}.pem": str(pki.server.certificate),
        f"/etc/ssl/private/{HOST}.key": str(pki.server.key),
        f"/etc/{name}/enlist-root.pem": root,
        "127.0.0.1:9000": f"127.0.0.1:{application}",
        "127.0.0.1:8000": server.url.removeprefix("http://").replace("localhost", "127.0.0.1"),
    }
    for there, here in (places | _LISTENS[name](port)).items():
        assert there in lines, there
        lines = lines.replace(there, here)
    around = {"nginx": NGINX, "caddy": CADDY}[name]
    file, log = folder / PROXIES[name].file, folder / "output.log"
    file.write_text(around.format(folder=folder, user=getpass.getuser(), lines=lines))
    home = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    process = launch(PROXIES[name].command(file), log, environment=home)
    key = server.api_key("administrator", "enrollments:reveal")
    found = Gateway(server, key, f"https://localhost:{port}", pki, folder)
    try:
        wait_until(lambda: _answers(found), name, log=log, process=process)
        yield found
    finally:
        finish(process)


_LISTENS: dict[str, Callable[[int], dict[str, str]]] = {
    "nginx": lambda port: {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        f"server_name {HOST}": "server_name localhost",
    },
    "caddy": lambda port: {f"\n{HOST} {{": f"\nhttps://localhost:{port} {{\n    bind 127.0.0.1"},
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("nginx", "auth_request "), marks=pytest.mark.peer("nginx"), id="nginx"),
        pytest.param(("caddy", "forward_auth "), marks=pytest.mark.peer("caddy"), id="caddy"),
    ],
)
def gateway(
    request: pytest.FixtureRequest,
    serving: tuple[Server, int],
    tmp_path_factory: pytest.TempPathFactory,
    throwaway_pki: Pki,
) -> Iterator[Gateway]:
    """Each that asks at every request, in turn."""
    folder = tmp_path_factory.mktemp("asking")
    name, mark = request.param
    with started(name, mark, serving, throwaway_pki, folder) as found:
        yield found


def _answers(gateway: Gateway) -> bool:
    try:
        with gateway.visitor() as visitor:
            return visitor.status() in (400, 401)
    except httpx2.TransportError:
        return False


def test_after_a_reset_the_next_request_is_refused(gateway: Gateway) -> None:
    """X21, on a connection that stays open; with the new certificate the device is in again."""
    box, other = gateway.enroll(), gateway.enroll()
    with gateway.visitor(*box.files) as old, gateway.visitor(*other.files) as bystander:
        assert old.told()["x-enlist-device"] == box.device_id
        assert bystander.told()["x-enlist-device"] == other.device_id
        gateway.change("POST", f"/devices/{box.device_id}/reset", message={"type": "none"})
        assert [old.status(), old.status()] == [401, 401]
        assert bystander.status() == 200
    refused = gateway.refusals(box)
    assert {each["data"]["code"] for each in refused} == {"credential_revoked"}
    by_whom = {(each["personal"]["address"], each["personal"]["user_agent"]) for each in refused}
    assert by_whom == {(VISITOR, AGENT)}


def test_the_application_hears_who_it_is_and_nothing_else(gateway: Gateway) -> None:
    """What the client wrote itself is gone."""
    box = gateway.enroll()
    with gateway.visitor(*box.files) as visitor:
        told = visitor.told()
    assert told["x-enlist-device"] == box.device_id
    assert told["x-enlist-user"] == "root@example.com"


def test_who_shows_no_certificate_of_a_device_is_refused(gateway: Gateway, tmp_path: Path) -> None:
    """TP31: also with somebody's certificate in a header of his own."""
    box = gateway.enroll()
    der = base64.b64encode(ssl.PEM_cert_to_DER_cert(box.certificate)).decode()
    with gateway.visitor() as visitor:
        assert visitor.status() == 401
        assert visitor.status(**{"Client-Cert": f":{der}:"}) == 401
    for ours, expired, usage in (
        (False, False, "client"),
        (True, True, "client"),
        (True, False, "server"),
        (True, False, "client"),
    ):
        files = forged(gateway.server, tmp_path, ours=ours, expired=expired, usage=usage)
        # Caddy ends the handshake with who is of another authority; nginx says 400.
        with gateway.visitor(*files) as visitor, suppress(httpx2.TransportError):
            assert visitor.status() in (400, 401)


@pytest.mark.peer("nginx")
def test_nginx_asks_by_ocsp_for_each_new_connection(
    serving: tuple[Server, int], throwaway_pki: Pki, tmp_path: Path
) -> None:
    with started("nginx", "ssl_ocsp ", serving, throwaway_pki, tmp_path) as asking:

        def status(device: Credentials) -> int:
            with asking.visitor(*device.files) as visitor:
                return visitor.status()

        box, other = asking.enroll(), asking.enroll()
        assert [status(box), status(other)] == [200, 200]
        asking.change("POST", f"/devices/{box.device_id}/reset", message={"type": "none"})
        assert [status(box), status(other)] == [400, 200]
