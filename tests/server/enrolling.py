"""Devices that enroll at a real server, and certificates that somebody made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

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

from tests.requests import device_key, request_pem
from tests.serving import Server


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
