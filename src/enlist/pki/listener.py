"""What the device listener shows of itself, and the JWTs that are believed because of it.

An OpenZiti client trusts nobody before it enrolls. It takes the certificate that the listener at
`iss` shows, and believes a JWT whose signature that certificate's key made (D33). So the key that
signs JWTs *is* the key of the listener's certificate: RSA, since older clients hang on any other
(D36), and the same after every renewal, or each JWT that is out would be dead (D37).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwt
from joserfc.jwk import RSAKey

from enlist.core.clock import SECOND
from enlist.core.secrets import Secret
from enlist.pki.keys import PrivateKey, spki_digest

ALGORITHM: Final = "RS256"
METHOD: Final = "ott"
"""A *one-time token*, as `em` and `method` have it: the only way to enroll that is offered."""


@dataclass(frozen=True, slots=True)
class ListenerIdentity:
    """The certificate that the device listener shows under its OpenZiti name, and its key.

    Raises:
        ValueError: the two do not belong together, or the key is no RSA key.
    """

    certificate: x509.Certificate
    key: PrivateKey

    def __post_init__(self) -> None:
        if not isinstance(self.key, rsa.RSAPrivateKey):
            raise ValueError("the device listener needs an RSA key")
        if self.certificate.public_key() != self.key.public_key():
            raise ValueError("the device listener's certificate is another key's")

    @property
    def key_id(self) -> str:
        """A name for the key, whatever certificate it is in: SHA-256, 32 hexadecimal digits."""
        return spki_digest(self.key.public_key()).hex()[:32]

    @property
    def kid(self) -> str:
        """SHA-1 of the certificate, lower-case hexadecimal: a name, not a proof (D32)."""
        der = self.certificate.public_bytes(Encoding.DER)
        return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def enrollment_jwt(
    identity: ListenerIdentity, *, issuer: str, device_id: str, jti: Secret, expires_at: int
) -> Secret:
    """The JWT that enrolls a device (D34): the same text each time, as long as nothing changes.

    Args:
        issuer: address of the device listener, without a path.
        jti: the one-time token itself.
        expires_at: microseconds UTC; the claim has whole seconds and never a later moment.
    """
    header = {"alg": ALGORITHM, "kid": identity.kid, "typ": "JWT"}
    claims = {
        "iss": issuer,
        "sub": device_id,
        "aud": [""],
        "exp": expires_at // SECOND,
        "jti": jti.reveal(),
        "em": METHOD,
        "ctrls": None,
    }
    # Made of the key itself: importing its PEM would prove its primes anew, which takes 50 ms.
    key = RSAKey(cast("rsa.RSAPrivateKey", identity.key), identity.key)
    return Secret(jwt.encode(header, claims, key, algorithms=[ALGORITHM]))
