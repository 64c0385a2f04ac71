"""The device listener: its certificate, and who may ask with which (TP30, rulings 4, 5)."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from enlist.core.clock import DAY, system_clock
from enlist.pki.authority import load_authority
from tests.peers.base import DEADLINE
from tests.requests import device_key, request_pem
from tests.serving import Server, StartServer, launch_server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all who only ask it; each brings a device of his own."""
    server = launch_server(tmp_path_factory.mktemp("served") / "data")
    yield server
    server.stop()


def enroll(server: Server, folder: Path) -> tuple[Path, Path, str]:
    """A device enrolled over HTTP: its certificate and key as files, and its id."""
    words = ("device", "register", "--user", "root@example.com", "--name", "box")
    made = json.loads(server.cli(*words, "--platform", "linux", "--message", "none", "--json"))
    with server.client() as client:
        answer = client.post(
            "/api/v1/redeem",
            json={
                "token": made["enrollment"]["token"],
                "device": {"platform": "linux"},
                "csr": request_pem(1).decode(),
            },
        )
    assert answer.status_code == 201, answer.text
    issuing = answer.json()["chain"].partition("-----END CERTIFICATE-----\n")
    certificate = folder / "device.pem"
    certificate.write_text(answer.json()["certificate"] + issuing[0] + issuing[1])
    return (
        certificate,
        write_key(device_key(1), folder / "device.key"),
        answer.json()["device"]["id"],
    )


def write_key(key: ec.EllipticCurvePrivateKey, path: Path) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def forged(
    server: Server, folder: Path, *, ours: bool, expired: bool = False, usage: str = "client"
) -> tuple[Path, Path]:
    """A certificate that somebody else made, or that our own CA would not have made so."""
    key = ec.generate_private_key(ec.SECP256R1())
    pki = server.data / "pki"
    issuing = x509.load_pem_x509_certificate((pki / "issuing.pem").read_bytes())
    signer = load_pem_private_key((pki / "issuing.key").read_bytes(), None) if ours else key
    name = issuing.subject if ours else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    purposes = {
        "client": ExtendedKeyUsageOID.CLIENT_AUTH,
        "server": ExtendedKeyUsageOID.SERVER_AUTH,
    }
    uri = x509.UniformResourceIdentifier("spiffe://localhost/device/0199")
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "0199")]))
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now - timedelta(days=1) if expired else now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([purposes[usage]]), critical=False)
        .sign(signer, SHA256())  # type: ignore[arg-type]
    )
    path = folder / "forged.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    return path, write_key(key, folder / "forged.key")


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
