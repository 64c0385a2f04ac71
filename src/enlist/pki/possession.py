"""A certificate's key proved by a signature, where no TLS handshake of ours proves it.

What is signed names its purpose and the server: a signature made for somebody else's server, or
for anything else, proves nothing here.
"""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

PURPOSE: Final = "Enlist device session"
_HASHES: Final[dict[int, HashAlgorithm]] = {256: SHA256(), 384: SHA384(), 521: SHA512()}


def challenge(server: str, nonce: str) -> bytes:
    """What a device signs: the purpose, the server's address as it knows it, and the nonce."""
    return "\n".join((PURPOSE, server, nonce)).encode()


def proves(certificate: x509.Certificate, signed: bytes, signature: bytes) -> bool:
    """Whether the certificate's key signed this.

    ECDSA with the hash of the curve's size (DER), Ed25519, or RSASSA-PSS with SHA-256 and a salt
    of 32 bytes.
    """
    key = certificate.public_key()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(_HASHES[key.curve.key_size]))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        elif isinstance(key, rsa.RSAPublicKey):
            pss = padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)
            key.verify(signature, signed, pss, SHA256())
        else:
            return False
    except (InvalidSignature, KeyError):
        return False
    return True
