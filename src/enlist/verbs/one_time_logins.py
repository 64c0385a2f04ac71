"""The typed half of one-time credentials: made with a token, and guessed at with five tries.

A stranger must not learn which user names there are. So a wrong password is looked into no further
than a user name that nobody has: as much is asked, one statement is written, and the refusal is the
same (ruling 8, S07).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from enlist.core.clock import HOUR
from enlist.core.ids import NOTHING, Id
from enlist.core.outcomes import NOBODY, Refusal
from enlist.core.secrets import (
    BASE20,
    LOCATOR_LETTERS,
    KeyRing,
    Kind,
    Secret,
    password_digest_input,
    random_letters,
)
from enlist.store import limits, one_time_logins
from enlist.store.one_time_logins import Login, NewLogin
from enlist.store.tx import Reader, Tx

SHORT: Final = 8
LONG: Final = 12
_LONG_LIVED: Final = 24 * HOUR
"""Credentials that live longer have the longer password."""


def mint(keys: KeyRing, enrollment_id: Id, generation: int, lifetime: int) -> NewLogin:
    """A one-time login for a generation; `lifetime` is that of the credentials."""
    locator = random_letters(LOCATOR_LETTERS, BASE20)
    length = LONG if lifetime > _LONG_LIVED else SHORT
    derived = keys.derive_password(enrollment_id, generation, length)
    digest = keys.digest(Kind.ONE_TIME_PASSWORD, password_digest_input(locator, derived.secret))
    return NewLogin(
        enrollment_id, generation, locator, digest, derived.key_id, derived.kdf_version, length
    )


@dataclass(frozen=True, slots=True)
class Guess:
    """A user name and password that somebody typed.

    Attributes:
        known: what the user name stands for; None for nothing.
        right: the password is its own, and may still be used.
        digest: what is compared, under the key of the row.
    """

    locator: str
    known: Login | None
    right: bool
    digest: bytes

    @property
    def leads_to(self) -> tuple[Id, int]:
        """An enrollment and its generation; to nothing where it is wrong."""
        if self.known is None or not self.right:
            return NOTHING, 0
        return self.known.enrollment_id, self.known.generation

    @property
    def refusal(self) -> Refusal:
        """What a wrong one is told; the log is told which it was."""
        about = self.known.about if self.known else NOBODY
        reason = "unknown one-time user name"
        if self.known is not None:
            reason = "wrong one-time password" if self.known.open else "no try left"
        return Refusal("credentials_invalid", reason=reason, about=about)

    def take(self, tx: Tx) -> Refusal | None:
        """Count it where it is wrong; refuse it where no try is left, though it may be right."""
        if self.known is None:
            limits.decoy(tx)
            return None
        if one_time_logins.take_try(tx, self.locator, self.digest):
            return None
        return replace(self.refusal, reason="no try left")


def guess(keys: KeyRing, tx: Reader, locator: str, password: Secret | None) -> Guess:
    """Look for what was typed. Nothing of it is told before the try was taken."""
    known = one_time_logins.find(tx, locator)
    typed = password_digest_input(locator, password or Secret(""))
    digests = keys.digests(Kind.ONE_TIME_PASSWORD, typed)
    kept = known.digest if known is not None and known.open else b""
    equal = next(filter(partial(hmac.compare_digest, kept), digests), None)
    return Guess(locator, known, equal is not None, equal or digests[0])
