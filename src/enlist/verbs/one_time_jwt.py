"""Handing out a one-time JWT: as a file, as a QR code, to a program (seed 003).

A JWT is a bearer secret, so each time that it is shown is an event (ruling 6). It is not stored
anywhere: its `jti` is derived again, and signed again by the key of the device listener.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.lifecycle import shown_state
from enlist.core.model import Enrollment, GrantKind
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Permission
from enlist.core.secrets import Secret
from enlist.pki.listener import enrollment_jwt
from enlist.store import enrollment_secrets, enrollments, events
from enlist.store.enrollment_secrets import Derivation
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.finding import beyond, enrollment_named
from enlist.verbs.rights import missing

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


def jwt_file_name(device_name: str) -> str:
    """What a JWT's file is called: the device's name, as far as a file may be called so (D26)."""
    name = _UNSAFE.sub("-", device_name)[:80].strip(".-")
    return f"{name or 'device'}.jwt"


@dataclass(frozen=True, slots=True)
class OneTimeJwt:
    """A JWT that enrolls a device, for as long as nobody used it.

    Attributes:
        expires_at: microseconds UTC.
        jti: the one-time token that stands in it, and enrolls as well.
    """

    enrollment_id: Id
    device_id: Id
    device_name: str
    expires_at: int
    jwt: Secret
    jti: Secret


@dataclass(frozen=True, slots=True)
class Seen:
    """The enrollment, and how the `jti` of its generation was derived."""

    enrollment: Enrollment
    derivation: Derivation


@dataclass(frozen=True, slots=True)
class Ready:
    """The JWT, and the enrollment that it is of."""

    enrollment: Enrollment
    shown: OneTimeJwt


@dataclass(frozen=True)
class ShowJwt(Verb[Seen, Ready, OneTimeJwt]):
    """Show the JWT of an enrollment that nobody used yet.

    Attributes:
        form: how it is shown, for the log: `file`, `qr`, `text`.

    Refusals: `not_found`, `forbidden`, `conflict` for an enrollment that has no JWT, and
    `token_used`, `token_revoked`, `token_expired`, `token_on_hold` for one that is over (D29),
    `key_leaked` where somebody else can make it,
    `try_later` where this server lacks the key that it is derived by (D31).
    """

    enrollment_id: str
    form: str = "file"

    name = "show_jwt"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        found = enrollment_named(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_DOWNLOAD)
        if isinstance(found, Refusal):
            return found
        refusal = beyond(tx, caller, found.user_id, found.subjects) or _without(found)
        refusal = refusal or over(found, tx.now)
        if refusal is not None:
            return refusal
        row = enrollment_secrets.derivation(tx, found.id, found.generation)
        return Seen(found, row) if row is not None else missing("enrollment")

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        shown = signed(tools, seen)
        if isinstance(shown, Refusal):
            return shown
        return Ready(seen.enrollment, shown)

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[OneTimeJwt] | Refusal:
        before = ready.enrollment
        found = enrollments.find(tx, before.id)
        if found is None or (found.state, found.generation) != (before.state, before.generation):
            raise ConcurrentChange  # it was reissued or used meanwhile: this JWT is dead
        data: dict[str, str | int] = {"form": self.form, "generation": found.generation}
        personal = {"device": found.device_name, "user": found.username}
        events.record(tx, caller, Happening("enrollment.revealed", found.subjects, data, personal))
        return Done(ready.shown)


def signed(tools: Tools, seen: Seen) -> OneTimeJwt | Refusal:
    """The JWT of an enrollment's generation; `try_later` where this server lacks its key.

    `key_leaked` where others may have that key.
    """
    found, row = seen.enrollment, seen.derivation
    assert found.device_id is not None
    if row.leaked:
        return Refusal("key_leaked", about=found.subjects)
    try:
        jti = tools.keys.derive_again(
            found.id, row.generation, row.key_id, row.length, row.alphabet
        )
    except KeyError as error:
        return Refusal("try_later", about=found.subjects, detail=f"A {error.args[0]}.")
    jwt = enrollment_jwt(
        tools.listener(),
        issuer=tools.addresses.device_url,
        device_id=found.device_id,
        jti=jti,
        expires_at=found.expires_at,
    )
    return OneTimeJwt(found.id, found.device_id, found.device_name, found.expires_at, jwt, jti)


def _without(found: Enrollment) -> Refusal | None:
    if found.grant is GrantKind.ONE_TIME_JWT and found.device_id is not None:
        return None
    detail = "Its token is no JWT: it was sent to its user, and is shown nowhere."
    return Refusal("conflict", detail=detail, about=found.subjects)


def over(found: Enrollment, now: int) -> Refusal | None:
    """Why nobody can enroll with it any more, or for now."""
    moments = {
        "used": ("token_used", found.used_at),
        "revoked": ("token_revoked", found.ended_at),
        "expired": ("token_expired", found.expires_at),
        "on_hold": ("token_on_hold", None),
    }
    state = shown_state(found.state, found.expires_at, now)
    if state == "active":
        return None
    code, at = moments[state]
    return Refusal(code, at=at, about=found.subjects)
