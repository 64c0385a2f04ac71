"""The device listener: its certificate, and who may ask with which (TP30, rulings 4, 5)."""

from __future__ import annotations

import base64
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
)

from enlist.core.clock import DAY, system_clock
from enlist.pki.authority import load_authority
from tests.peers.base import DEADLINE
from tests.requests import request_pem
from tests.server.enrolling import enroll, forged
from tests.serving import Server, StartServer, launch_server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all who only ask it; each brings a device of his own."""
    server = launch_server(tmp_path_factory.mktemp("served") / "data")
    yield server
    server.stop()


def test_an_enrolled_device_is_known(served: Server, tmp_path: Path) -> None:
    certificate, key, device_id = enroll(served, tmp_path)
    with served.device_client(certificate, key) as client:
        answer = client.get("/device")
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == device_id
    assert answer.json()["state"] == "enrolled"


def test_without_a_certificate_the_listener_answers_but_tells_nothing(
    served: Server,
) -> None:
    with served.device_client() as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/device")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"


@pytest.mark.parametrize(
    ("ours", "expired", "usage"),
    [
        pytest.param(False, False, "client", id="rogue"),
        pytest.param(True, True, "client", id="expired"),
        pytest.param(True, False, "server", id="for servers"),
        pytest.param(True, False, "client", id="signed by us, but of no device"),
    ],
)
def test_no_other_certificate_opens_it(
    served: Server, tmp_path: Path, ours: bool, expired: bool, usage: str
) -> None:
    certificate, key = forged(served, tmp_path, ours=ours, expired=expired, usage=usage)
    try:
        with served.device_client(certificate, key) as client:
            answer = client.get("/device")
    except httpx2.TransportError:
        return  # with TLS 1.3 a client learns of it only after its own handshake
    assert answer.status_code in (401, 403, 404), answer.text


def test_a_deleted_devices_certificate_is_refused_and_on_the_list(
    served: Server, tmp_path: Path
) -> None:
    certificate, key, device_id = enroll(served, tmp_path)
    admin = {"Authorization": f"Bearer {served.api_key('administrator')}"}
    with served.client(headers=admin) as client:
        assert client.delete(f"/api/v1/devices/{device_id}").status_code in (200, 204)
        revocations = client.get("/pki/issuing.crl").content
    with served.device_client(certificate, key) as client:
        assert client.get("/device").status_code in (401, 403, 404)
    serial = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
    listed = x509.load_der_x509_crl(revocations)
    assert listed.get_revoked_certificate_by_serial_number(serial) is not None


def test_a_header_proves_nothing(served: Server, tmp_path: Path) -> None:
    """A client that writes the header of a proxy itself stays a stranger."""
    certificate, _, _ = enroll(served, tmp_path)
    der = ssl.PEM_cert_to_DER_cert(
        certificate.read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
    )
    header = f":{base64.b64encode(der).decode()}:"
    with served.device_client() as client:
        assert client.get("/device", headers={"Client-Cert": header}).status_code == 401


def test_its_certificate_is_rsa_2048_and_names_every_way_to_it(
    start_server: StartServer,
) -> None:
    """Ruling 5; verified by OpenSSL, over TLS 1.2 and 1.3."""
    server = start_server(arguments=("--device-url", "https://devices.example.test:8443"))
    port = server.device_url.rpartition(":")[2]
    for version in ("-tls1_2", "-tls1_3"):
        for check, name in (
            ("-verify_hostname", "localhost"),
            ("-verify_hostname", "devices.example.test"),
            ("-verify_ip", "127.0.0.1"),
            ("-verify_ip", "::1"),
        ):
            ran = subprocess.run(
                [
                    *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", version),
                    *("-CAfile", str(server.authority), check, name),
                    "-verify_return_error",
                    *(("-servername", name) if check == "-verify_hostname" else ()),
                ],
                input="",
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=False,
            )
            assert "Verification: OK" in ran.stdout, ran.stdout + ran.stderr
            assert "Server public key is 2048 bit" in ran.stdout


def test_its_key_stays_when_the_certificate_is_renewed(start_server: StartServer) -> None:
    server = start_server()
    server.stop()
    pki = server.data / "pki"
    authority = load_authority(
        (pki / "root.pem").read_bytes(),
        (pki / "issuing.pem").read_bytes(),
        (pki / "issuing.key").read_bytes(),
    )
    key = load_pem_private_key((pki / "device-listener.key").read_bytes(), None)
    old = authority.issue_server(["localhost"], key, system_clock(), 3 * DAY)  # type: ignore[arg-type]
    (pki / "device-listener.pem").write_text(old.pem)
    again = start_server(data=server.data)
    renewed = x509.load_pem_x509_certificate((pki / "device-listener.pem").read_bytes())
    assert renewed.public_key() == key.public_key()
    assert renewed.not_valid_after_utc > datetime.now(UTC) + timedelta(days=300)
    assert again.process.poll() is None


def test_nobody_says_here_where_he_comes_from(start_server: StartServer) -> None:
    """ASVS 4.1.3: a proxy that passes TLS on writes no header, and its address is often trusted on
    the web listener. Else a client could have others locked out, and use a key from elsewhere."""
    server = start_server(environment={"ENLIST_TRUSTED_PROXY": "127.0.0.1"})
    admin = {"authorization": f"Bearer {server.api_key('administrator')}"}
    admin["x-forwarded-for"] = "198.51.100.8"
    victim = {"x-forwarded-for": "198.51.100.7"}
    guess = {"method": "ott", "token": str(uuid4())}
    csr = {"content": request_pem(0), "headers": {**victim, "content-type": "text/plain"}}
    with server.device_client() as device, server.client() as web:
        bound = {"name": "office", "role": "reader", "addresses": ["198.51.100.7"]}
        key = web.post("/api/v1/api-keys", json=bound, headers=admin).json()["key"]
        office = {**victim, "authorization": f"Bearer {key}"}
        assert web.get("/api/v1/me", headers=office).status_code == 200
        managed = device.get("/edge/management/v1/identities", headers=office)
        assert managed.status_code == 401
        told = [device.post("/enroll", params=guess, **csr).status_code for _ in range(10)]
        assert set(told) == {400, 429}
        assert device.get("/metrics").status_code == 404
        told_victim = web.post("/api/v1/redeem", json={"token": "8Kq2mWx7Rb"}, headers=victim)
        assert told_victim.json()["code"] == "token_invalid"
        named = web.get("/api/v1/events?kind=enrollment.refused", headers=admin).json()["items"]
        addresses = [each["personal"]["address"] for each in named]
        assert (addresses[0], {*addresses[1:]}) == ("198.51.100.7", {"127.0.0.1"})
