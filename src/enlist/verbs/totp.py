"""Codes of an authenticator app (TOTP, RFC 6238), and how their secret is kept.

SHA-1, thirty seconds, six digits: the one choice that every app understands. A code counts in its
own time step and the ones beside it, since clocks differ; the step that was accepted last is
remembered, so that none is accepted twice (section 5.2). The secret lies in the database encrypted
(AES-256-GCM) under a key that is made of the derivation key, bound to its user.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from enlist.core.clock import SECOND
from enlist.core.ids import Id
from enlist.core.secrets import KeyRing, Secret, strip_typing

DIGITS: Final = 6
STEP: Final = 30
"""Seconds that a code is shown."""
TOLERANCE: Final = 1
"""Steps before and after the present one that are accepted."""

_SECRET_BYTES: Final = 20
"""As many as SHA-1 has; RFC 4226 section 4 recommends it."""
_NONCE_BYTES: Final = 12
_SEALED_AS: Final = "totp"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as the database keeps it, and the id of the key that opens it."""

    text: str
    key_id: str


def new_secret() -> Secret:
    """A fresh secret in base32, as apps take it when it is typed."""
    return Secret(base64.b32encode(os.urandom(_SECRET_BYTES)).decode())


def seal(keys: KeyRing, user_id: Id, secret: Secret) -> Sealed:
    """A secret for the database, under the newest key."""
    key = keys.sealing_key(_SEALED_AS)
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key.material).encrypt(nonce, secret.reveal().encode(), user_id.encode())
    return Sealed(base64.b64encode(nonce + sealed).decode(), key.id)


def unseal(keys: KeyRing, user_id: Id, sealed: Sealed) -> Secret:
    """The secret again.

    Raises:
        KeyError: its key is not in the ring any more.
        InvalidTag: it is another user's, or was tampered with.
    """
    key = keys.sealing_key(_SEALED_AS, sealed.key_id)
    raw = base64.b64decode(sealed.text)
    nonce, content = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
    return Secret(AESGCM(key.material).decrypt(nonce, content, user_id.encode()).decode())


def step_of(secret: Secret, code: str, now: int) -> int | None:
    """The time step that this code belongs to, if it is one that counts now.

    Args:
        now: microseconds UTC.
    """
    typed = strip_typing(code)
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    present = now // SECOND // STEP
    codes = _totp(secret)
    # Newest first: a code is remembered by the step that it is of, and none before counts again.
    for step in range(present + TOLERANCE, present - TOLERANCE - 1, -1):
        if compare_digest(codes.generate(step * STEP), typed.encode()):
            return step
    return None


def address(secret: Secret, username: str, issuer: str) -> Secret:
    """What the QR code says to an app: `otpauth://totp/…`."""
    return Secret(_totp(secret).get_provisioning_uri(username, issuer))


def _totp(secret: Secret) -> TOTP:
    return TOTP(base64.b32decode(secret.reveal()), DIGITS, SHA1(), STEP)  # noqa: S303
