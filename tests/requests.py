"""Certificate requests as devices make them, and some that are not as they should be."""

from __future__ import annotations

from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from enlist.core.outcomes import Refusal
from enlist.pki.csr import Csr, parse


@cache
def device_key(number: int) -> ec.EllipticCurvePrivateKey:
    """The key of device `number`; made once, because making keys is slow."""
    return ec.generate_private_key(ec.SECP256R1())


def request_pem(number: int = 0) -> bytes:
    """A fresh certificate request (PEM) under the key of device `number`."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(device_key(number), SHA256()).public_bytes(Encoding.PEM)


@cache
def csr(number: int = 0) -> Csr:
    """The same, parsed."""
    parsed = parse(request_pem(number))
    assert isinstance(parsed, Csr)
    return parsed


@cache
def tampered() -> Csr | Refusal:
    """A request whose signature does not fit: nobody has proved to hold its key (S28)."""
    der = bytearray(x509.load_pem_x509_csr(request_pem(90)).public_bytes(Encoding.DER))
    der[-1] ^= 1
    return parse(bytes(der))


@cache
def weak() -> Csr | Refusal:
    """A request with an RSA key of 1024 bits."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - made to be refused
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return parse(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))


def garbage() -> Csr | Refusal:
    """Bytes that are no request at all."""
    return parse(b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----")
