"""What the tests of this folder share: a fixed `now`, and requests as devices make them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from enlist.core.clock import DAY, SECOND
from enlist.pki.authority import Authority, IssuedCertificate, load_authority
from enlist.pki.csr import Csr, parse
from enlist.pki.founding import AuthorityMaterial
from enlist.pki.profiles import PkiUrls

NOW: Final = 1_780_000_000 * SECOND + 123_456
YEAR: Final = 365 * DAY
URLS: Final = PkiUrls.under("http://enroll.example.com/pki")
DEVICE: Final = "0197a2c4-77aa-7c3e-8a51-0123456789ab"

NULL_PARAMETERS: Final = """-----BEGIN CERTIFICATE REQUEST-----
MIIBUzCB+AIBADBmMQswCQYDVQQGEwJVUzELMAkGA1UECAwCTlkxETAPBgNVBAoM
CE9wZW5aaXRpMScwJQYKCZImiZPyLGQBGRYXaHR0cHM6Ly9sb2NhbGhvc3Q6MTg0
NzUxDjAMBgNVBAMMBWlkLW9rMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEp7ce
lnaIbuS18ZsnKBnEOLWYOddQ1qrw9frbPmEr0DiFD+kcF0DX86XLKUH0NpEcW4Q5
x7kUn6ljGnzUH+hhD6AwMC4GCSqGSIb3DQEJDjEhMB8wCgYDVR0PBAMDAQAwEQYJ
YIZIAYb4QgEBBAQDAgeAMAwGCCqGSM49BAMCBQADSAAwRQIgEDI+WUcJzFzkSBal
KJyloxOAKZ2oa9jVKVXI7Ehop0oCIQC3Nebc5nSQqhEcxjHStkzkLagdFgD+0PQS
x8GezQgn9A==
-----END CERTIFICATE REQUEST-----
"""
"""What an older OpenZiti client sends: an explicit NULL after ecdsa-with-SHA256 (D47)."""

DeviceKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
OpenSsl = Callable[..., "subprocess.CompletedProcess[bytes]"]
Issue = Callable[..., IssuedCertificate]


def new_key(kind: str) -> DeviceKey:
    """A key as a device may bring it: p256, p384, p521, ed25519 or rsa."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
    return ec.generate_private_key(curves[kind])


def load(material: AuthorityMaterial) -> Authority:
    return load_authority(
        material.root_certificate, material.issuing_certificate, material.issuing_key
    )


def request_der(
    key: DeviceKey, common_name: str = "whoever", extensions: list[x509.ExtensionType] | None = None
) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for extension in extensions or []:
        builder = builder.add_extension(extension, critical=False)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.DER)


def request_of(
    key: DeviceKey, common_name: str = "whoever", extensions: list[x509.ExtensionType] | None = None
) -> Csr:
    """A good request, read."""
    return read(request_der(key, common_name, extensions))


def read(data: bytes | str) -> Csr:
    found = parse(data)
    assert isinstance(found, Csr), found
    return found


def pem_of(der: bytes) -> str:
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM).decode()
