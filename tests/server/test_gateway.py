"""A real nginx before an application asks Enlist at every request, as the guide says (X21, TP31).

The application is a program of its own that tells what it was told, so the test sees what a client
could make it believe.
"""

from __future__ import annotations

import base64
import getpass
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from tests.architecture.source import ROOT
from tests.devices import Credentials, enroll
from tests.docs.pages import DocsPage
from tests.peers.base import DEADLINE, finish, free_port, launch, wait_until
from tests.peers.pki import Pki
from tests.server.proxies import NGINX, PROXIES
from tests.server.test_device_listener import forged
from tests.serving import Server, launch_server

GUIDE = ROOT / "docs" / "how-to" / "gateways.md"
HOST = "app.example.com"
MINE = {"X-Enlist-User": "root", "X-Enlist-Device": "another", "X-Forwarded-For": "203.0.113.9"}
"""What a client writes in the hope that the application believes it."""

pytestmark = pytest.mark.peer("nginx")


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
    """Enlist, an application, and nginx before it: at `by_ocsp` it asks for each connection."""

    server: Server
    key: str
    url: str
    by_ocsp: str
    pki: Pki
    folder: Path
    count: int = 0

    def enroll(self) -> Credentials:
        self.count += 1
        return enroll(self.server, self.key, self.folder, self.count)

    @contextmanager
    def visitor(
        self, certificate: Path | None = None, key: Path | None = None, url: str = ""
    ) -> Iterator[Visitor]:
        """Somebody on one connection, so that TLS itself is not asked again."""
        context = ssl.create_default_context(cafile=self.pki.authority)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        with httpx2.Client(
            base_url=url or self.url, verify=context, timeout=DEADLINE, trust_env=False
        ) as client:
            yield Visitor(client)

    def change(self, method: str, path: str, **body: object) -> None:
        """An administrator's request that must succeed."""
        with self.server.client(headers={"Authorization": f"Bearer {self.key}"}) as client:
            answer = client.request(method, f"/api/v1{path}", json=body or None)
        assert answer.is_success, answer.text

    def refusals(self, device: Credentials) -> list[str]:
        """What the audit log has of a device that was turned away."""
        query = {"kind": "credential.refused", "device": device.device_id}
        with self.server.client(headers={"Authorization": f"Bearer {self.key}"}) as client:
            rows = client.get("/api/v1/events", params=query).json()["items"]
        return [row["data"]["code"] for row in rows]


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
def gateway(tmp_path_factory: pytest.TempPathFactory, throwaway_pki: Pki) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    server = launch_server(folder / "data", environment={"ENLIST_TRUSTED_PROXY": "127.0.0.1/32"})
    application = ThreadingHTTPServer(("127.0.0.1", 0), _Application)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    ports = {"auth_request ": free_port(), "ssl_ocsp ": free_port()}
    lines = "\n".join(
        _lines(mark, server, throwaway_pki, port, application.server_address[1])
        for mark, port in ports.items()
    )
    text = NGINX.format(folder=folder, user=getpass.getuser(), lines=lines)
    (folder / "nginx.conf").write_text(text)
    log = folder / "output.log"
    process = launch(PROXIES["nginx"].command(folder / "nginx.conf"), log)
    key = server.api_key("administrator", "enrollments:reveal")
    url, by_ocsp = (f"https://localhost:{port}" for port in ports.values())
    found = Gateway(server, key, url, by_ocsp, throwaway_pki, folder)
    try:
        wait_until(lambda: _answers(found), "nginx", log=log, process=process)
        yield found
    finally:
        finish(process)
        application.shutdown()
        application.server_close()
        server.stop()


def _lines(mark: str, server: Server, pki: Pki, port: int, application: int) -> str:
    """The guide's block with this in it, with the places of this machine."""
    (lines,) = [each for each in DocsPage(GUIDE).blocks if mark in each]
    for there, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        f"/etc/ssl/{HOST}.pem": str(pki.server.certificate),
        f"/etc/ssl/private/{HOST}.key": str(pki.server.key),
        "/etc/nginx/enlist-root.pem": str(server.data / "pki" / "root.pem"),
        f"server_name {HOST}": "server_name localhost",
        "http://127.0.0.1:9000": f"http://127.0.0.1:{application}",
        "http://127.0.0.1:8000": server.url.replace("localhost", "127.0.0.1"),
    }.items():
        assert there in lines, there
        lines = lines.replace(there, here)
    return lines


def _answers(gateway: Gateway) -> bool:
    try:
        with gateway.visitor() as visitor:
            return visitor.status() == 401
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
    assert gateway.refusals(box) == ["credential_revoked"], "once a minute, not at every request"


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
        with gateway.visitor(*files) as visitor:
            assert visitor.status() in (400, 401)


def test_nginx_asks_by_ocsp_for_each_new_connection(gateway: Gateway) -> None:
    box, other = gateway.enroll(), gateway.enroll()

    def status(device: Credentials) -> int:
        with gateway.visitor(*device.files, gateway.by_ocsp) as visitor:
            return visitor.status()

    assert [status(box), status(other)] == [200, 200]
    gateway.change("POST", f"/devices/{box.device_id}/reset", message={"type": "none"})
    assert [status(box), status(other)] == [400, 200]
