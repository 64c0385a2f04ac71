"""Behind nginx, Caddy and HAProxy as the guide sets them up: enrolling, and who is believed."""

from __future__ import annotations

import getpass
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

from enlist.settings import Smtp
from enlist.wiring.beside import as_served
from enlist.wiring.doctor.check import Ground
from tests.architecture.source import ROOT
from tests.docs.pages import DocsPage
from tests.peers import nginx
from tests.peers.base import DEADLINE, finish, free_port, launch, wait_until
from tests.peers.pki import Pki
from tests.requests import request_pem
from tests.server.enrolling import enroll
from tests.server.proxies import GUIDE, HAPROXY, PROXIES, STREAM, Place, configured, running
from tests.serving import Server, StartServer, launch_server
from tests.wiring.doctoring import amiss, left_out, settings_of, well

CLIENT = "127.0.0.9"
FORGED = {
    "x-forwarded-for": "203.0.113.9",
    "forwarded": "for=203.0.113.9;host=evil.example;proto=http",
    "x-real-ip": "203.0.113.9",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "http",
    "x-forwarded-port": "666",
}


@dataclass(frozen=True)
class Served:
    """A server, and where its proxies are to listen."""

    server: Server
    port: int
    plain: int


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all proxies, which take turns at the same ports."""
    port, plain = free_port(), free_port()
    server = launch_server(
        tmp_path_factory.mktemp("proxied") / "data",
        environment={
            "ENLIST_PUBLIC_URL": f"https://localhost:{port}",
            "ENLIST_TRUSTED_PROXY": "127.0.0.1",
        },
    )
    yield Served(server, port, plain)
    server.stop()


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.peer(name)) for name in PROXIES])
def proxied(
    request: pytest.FixtureRequest, served: Served, throwaway_pki: Pki, tmp_path: Path
) -> Iterator[Place]:
    upstream = int(served.server.url.rpartition(":")[2])
    place = Place(request.param, served.port, served.plain, upstream, tmp_path, throwaway_pki)
    with running(place, configured(place)):
        yield place


def client(place: Place, address: str = CLIENT, **options: object) -> httpx2.Client:
    """A client that comes from an address of its own, and checks the proxy's certificate."""
    trusted = ssl.create_default_context(cafile=place.pki.authority)
    transport = httpx2.HTTPTransport(verify=trusted, local_address=address)
    return httpx2.Client(base_url=place.url, transport=transport, timeout=DEADLINE, **options)  # type: ignore[arg-type]


def events(server: Server, kind: str) -> list[dict[str, object]]:
    words = ("audit", "list", "--kind", kind, "--json", "--limit", "5")
    return list(json.loads(server.cli(*words))["items"])


def test_a_device_enrolls_from_its_own_address(proxied: Place, served: Served) -> None:
    """X-Forwarded-For of the proxy is believed, and nothing that the client writes itself."""
    words = ("device", "register", "--user", "root@example.com", "--name", "laptop")
    made = json.loads(
        served.server.cli(*words, "--platform", "linux", "--message", "none", "--json")
    )
    assert made["enrollment"]["link"].startswith(f"{proxied.url}/enroll/")
    body = {
        "token": made["enrollment"]["token"],
        "device": {"platform": "linux"},
        "csr": request_pem(1).decode(),
    }
    with client(proxied, headers=FORGED) as device:
        answer = device.post("/api/v1/redeem", json=body)
    assert answer.status_code == 201, answer.text
    assert "BEGIN CERTIFICATE" in answer.json()["certificate"]
    assert "evil" not in answer.text
    last = events(served.server, "enrollment.redeemed")[0]
    assert last["personal"]["address"] == CLIENT  # type: ignore[index]


def test_what_a_client_says_of_itself_changes_no_address(proxied: Place) -> None:
    """Neither where links and redirects lead, nor where forms may come from."""
    with client(proxied, headers=FORGED) as browser:
        home = browser.get("/", follow_redirects=False)
        page = browser.get("/sign-in", headers={"accept": "text/html"})
        foreign = browser.post("/sign-in", headers={"origin": "http://evil.example"})
    assert home.headers["location"] in ("/console", f"{proxied.url}/console")
    assert "evil" not in page.text + str(page.headers) + str(home.headers)
    assert page.status_code == 200
    assert foreign.status_code == 403
    assert "max-age=31536000" in home.headers["strict-transport-security"]


def test_every_client_has_tries_of_its_own(proxied: Place) -> None:
    """Ten wrong tokens from one address lock that address out, whatever it claims, and no other."""
    guess = {"token": "8Kq2mWx7Rb", "device": {"platform": "linux"}, "csr": request_pem(1).decode()}
    address = f"127.0.{10 + list(PROXIES).index(proxied.name)}.7"
    with client(proxied, address) as guesser:
        answers = [
            guesser.post(
                "/api/v1/redeem", json=guess, headers={"x-forwarded-for": f"203.0.113.{number}"}
            ).status_code
            for number in range(12)
        ]
    assert answers[:10] == [404] * 10
    assert set(answers[10:]) == {429}
    with client(proxied, "127.0.2.2") as other:
        assert other.post("/api/v1/redeem", json=guess).status_code == 404


def test_what_is_too_large_is_refused_cleanly(proxied: Place) -> None:
    """By Enlist in its own words; far beyond, by whoever notices first."""
    with client(proxied) as device:
        answer = device.post("/api/v1/redeem", json={"token": "x" * 70_000})
        assert answer.status_code == 413, answer.text
        assert answer.json()["code"] == "too_large"
        wait_until(lambda: _refused_while_sending(device), "413 to three megabytes")
        assert device.get("/healthz").json() == {"status": "alive"}


def _refused_while_sending(device: httpx2.Client) -> bool:
    """False where the connection ended before the answer was read: whoever is refused while he
    still sends may see that instead (RFC 9112, section 9.6).
    """
    try:
        answer = device.post("/api/v1/redeem", content=b"x" * 3_000_000)
    except httpx2.TransportError:
        return False
    assert answer.status_code == 413
    return True


def test_plain_http_serves_lists_alone(proxied: Place) -> None:
    """Ruling 36. The redirect leads to the configured name, not to the one that was asked for."""
    url = proxied.plain_url
    with httpx2.Client(base_url=url, timeout=DEADLINE, trust_env=False) as plain:
        assert plain.get("/pki/issuing.crl").status_code == 200
        elsewhere = plain.get("/console?x=1", headers={"x-forwarded-host": "evil.example"})
    assert elsewhere.status_code == 301
    assert elsewhere.headers["location"] == f"{proxied.url}/console?x=1"


PASSED_ON = {"haproxy": ("mode tcp", "bind :8443"), "nginx": ("stream {", "listen 8443")}
"""By proxy: what marks its block in the guide, and where it listens there."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.peer(name)) for name in PASSED_ON]
)
def test_devices_prove_themselves_through_a_proxy_that_leaves_tls_alone(
    served: Served, tmp_path: Path, name: str
) -> None:
    mark, listens = PASSED_ON[name]
    (block,) = [each for each in DocsPage(ROOT / GUIDE).blocks if mark in each]
    port = free_port()
    device = served.server.device_url.rpartition(":")[2]
    for there, here in {
        listens: listens.replace(":", "").replace("8443", f"127.0.0.1:{port}"),
        "192.0.2.7:8443": f"127.0.0.1:{device}",
    }.items():
        assert there in block
        block = block.replace(there, here)
    around = {"haproxy": HAPROXY, "nginx": STREAM}[name]
    file = tmp_path / PROXIES[name].file
    file.write_text(
        around.format(lines=block, folder=tmp_path, user=getpass.getuser(), module=nginx.STREAM)
    )
    log = tmp_path / "output.log"
    process = launch(PROXIES[name].command(file), log)
    certificate, key, device_id = enroll(served.server, tmp_path)
    context = ssl.create_default_context(cafile=served.server.authority)
    context.load_cert_chain(certificate, key)
    url = f"https://localhost:{port}"

    def got(path: str) -> httpx2.Response:
        return httpx2.get(f"{url}{path}", verify=context, timeout=DEADLINE, trust_env=False)

    def answers() -> bool:
        try:
            return got("/healthz").is_success
        except httpx2.TransportError:
            return False

    try:
        wait_until(answers, name, log=log, process=process)
        assert got("/device").json()["id"] == device_id
    finally:
        finish(process)


def _behind_nginx(
    start_server: StartServer, pki: Pki, tmp_path: Path, **environment: str
) -> tuple[Server, Place, str]:
    """A server, the place of its proxy, and the guide's lines for it.

    The proxy speaks from 127.0.0.3, so the doctor, on 127.0.0.1, is a client like others.
    """
    port, plain = free_port(), free_port()
    server = start_server(
        environment={
            "ENLIST_PUBLIC_URL": f"https://localhost:{port}",
            "ENLIST_TRUSTED_PROXY": "127.0.0.3",
            **environment,
        }
    )
    upstream = int(server.url.rpartition(":")[2])
    place = Place("nginx", port, plain, upstream, tmp_path / "nginx", pki)
    place.folder.mkdir()
    return (
        server,
        place,
        configured(place).replace("proxy_pass", "proxy_bind 127.0.0.3; proxy_pass"),
    )


def _doctors_ground(server: Server) -> Ground:
    return Ground(*as_served(settings_of(server.data, smtp=Smtp(host=""))))


@pytest.mark.peer("nginx")
def test_the_proxy_may_write_the_header_of_the_standard(
    start_server: StartServer, throwaway_pki: Pki, tmp_path: Path
) -> None:
    """RFC 7239, with the guide's lines; the doctor finds a proxy that does not write it."""
    server, place, usual = _behind_nginx(
        start_server, throwaway_pki, tmp_path, ENLIST_PROXY_HEADER="forwarded"
    )
    ground = _doctors_ground(server)
    with running(place, usual.replace('proxy_set_header Forwarded "";', "")):
        amiss(ground, "proxy-forged", says="whatever address a client writes")
    blocks = DocsPage(ROOT / GUIDE).blocks
    (named,) = [each for each in blocks if each.startswith("map $remote_addr")]
    (line,) = [each for each in blocks if each.startswith("proxy_set_header Forwarded $")]
    lines = usual.replace('proxy_set_header Forwarded "";', "").replace(
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", line
    )
    assert lines.count(line) == 2
    with running(place, lines.replace("http {", f"http {{\n{named}\n")):
        well(ground, "proxy-forged")
        with client(place, headers=FORGED) as device:
            assert device.post("/api/v1/redeem", json={"token": "8Kq2mWx7Ra"}).status_code == 404
    last = events(server, "enrollment.refused")[0]
    assert last["personal"]["address"] == CLIENT  # type: ignore[index]


@pytest.mark.peer("nginx")
def test_the_doctor_finds_a_proxy_that_lets_clients_lie(
    start_server: StartServer, throwaway_pki: Pki, tmp_path: Path
) -> None:
    server, place, guide = _behind_nginx(start_server, throwaway_pki, tmp_path)
    ground = _doctors_ground(server)
    with running(place, guide):
        well(ground, "proxy-forged")
        itself = replace(
            ground, settings=ground.settings.model_copy(update={"trusted_proxy": ["127.0.0.0/8"]})
        )
        left_out(itself, "proxy-forged")
    line = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
    assert line in guide
    with running(place, guide.replace(line, "")):
        amiss(ground, "proxy-forged", says="whatever address a client writes")
