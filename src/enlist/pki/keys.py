"""Private keys: made, written as PKCS#8 PEM, read back."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
"""What Enlist itself signs and serves with. Devices may also bring Ed25519 (ruling 4)."""

_LEAST_RSA: Final = 2048
_LEAST_EC: Final = 256

_proved: set[bytes] = set()
"""SHA-256 of each PEM whose numbers were found to be an RSA key's."""


def new_signing_key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key, for the authorities and for the web listener."""
    return ec.generate_private_key(ec.SECP256R1())


def new_pinned_key() -> rsa.RSAPrivateKey:
    """An RSA-2048 key, for the device listener's OpenZiti name (ruling 5). Takes about 0.1 s."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def to_pem(key: PrivateKey) -> bytes:
    """The key as unencrypted PKCS#8 PEM; who may read it is up to whoever stores it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def from_pem(pem: bytes) -> PrivateKey:
    """The key that `to_pem` wrote, or that an operator brought along.

    Whether the primes of an RSA key are primes takes 40 ms to see. It is asked once of a PEM, not
    at each of the many times that a process reads its files anew.

    Raises:
        ValueError: this is no unencrypted EC or RSA private key in PEM, or it is too short (S64).
    """
    digest = hashlib.sha256(pem).digest()
    try:
        key = load_pem_private_key(
            pem, password=None, unsafe_skip_rsa_key_validation=digest in _proved
        )
    except TypeError as error:  # how the library says that a passphrase is missing
        raise ValueError("the private key is encrypted; give it without a passphrase") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("the private key must be an EC or RSA key")
    least = _LEAST_RSA if isinstance(key, rsa.RSAPrivateKey) else _LEAST_EC
    if key.key_size < least:
        raise ValueError(f"the private key has {key.key_size} bits, and needs {least}")
    _proved.add(digest)
    return key


def spki_digest(key: PublicKeyTypes) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo: the same for a key however its request was written.

    The key is encoded anew, so a compressed and an uncompressed curve point are one key.
    """
    return hashlib.sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).digest()
