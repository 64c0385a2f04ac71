"""API sessions: a device proves itself by its certificate, and gets a token to show beside it.

A token is worth what its credential is worth at that moment: after a reset, or while the device is
blocked, it is nothing (D03, D04, D61, D62).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import MINUTE
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Credential, Device
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import LONGEST_PRESENTED, Kind, Secret, random_secret
from enlist.pki.chain import DeviceCertificate, Flawed
from enlist.store import api_sessions, credentials, devices, events, limits
from enlist.store.api_sessions import ApiSession
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.device_status import Standing, standing
from enlist.verbs.driver import Answered, Tools, Verb
from enlist.verbs.knocking import written_down

MOST_SESSIONS: Final = 20
"""API sessions that a device may have at a time; the oldest gives way."""
MOST_BEGUN: Final = 60
"""And that it may begin within a minute: each is a line of the log."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A session that counts, whose it is, and what it was proved with.

    Attributes:
        token: only where the session was just begun.
        expires_at: when it ends unless it is used before, microseconds UTC.
    """

    session: ApiSession
    device: Device
    credential: Credential
    expires_at: int
    token: Secret | None = None


@dataclass(frozen=True, slots=True)
class Fresh:
    """A session about to begin."""

    standing: Standing
    session: ApiSession
    token: Secret
    digest: bytes
    expires_at: int


@dataclass(frozen=True)
class Authenticate(Verb[Standing, Fresh, Proved]):
    """Begin a session.

    Attributes:
        presented: what the handshake's certificate was found to be.

    Refusals: `unauthenticated` for who has no certificate of ours, `rate_limited` when he keeps
    coming, or when a device does nothing else, and those of `DeviceStatus`. A stranger is counted
    by himself, and not with those who guess tokens: nothing is guessed here, and a client that
    lost its certificate comes again and again, from where others enroll, or have theirs.
    """

    presented: DeviceCertificate | Flawed

    name = "authenticate"
    refused_as = "credential.refused"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Standing | Refusal:
        shown = self.presented
        if isinstance(shown, Flawed):
            unknown = Refusal("unauthenticated", reason=f"certificate {shown.flaw}")
            wait = limits.throttled(tx, _uncertified(caller))
            return unknown if wait is None else _later(wait)
        wait = limits.used_up(tx, _begun_by(shown.device_id), MOST_BEGUN)
        return standing(tx, caller, shown.device_id, shown.serial) if wait is None else _later(wait)

    def work(self, tools: Tools, caller: Caller, seen: Standing) -> Fresh:
        now, token = tools.clock(), random_secret()
        digest = tools.keys.digest(Kind.API_SESSION, token).value
        device_id, credential_id = seen.device.id, seen.credential.id
        session = ApiSession(new_id(now), device_id, credential_id, now, now, caller.address)
        return Fresh(seen, session, token, digest, now + tools.api_session_idle)

    def apply(self, tx: Tx, caller: Caller, ready: Fresh) -> Done[Proved] | Refusal:
        session, found = ready.session, ready.standing
        counted = _begun_by(session.device_id)
        if not limits.count(tx, counted, MOST_BEGUN, MINUTE):
            return _later(limits.used_up(tx, counted, MOST_BEGUN))
        if not api_sessions.start(
            tx, session.id, ready.digest, session.credential_id, session.address
        ):
            raise ConcurrentChange  # the credential was just taken away: look again, and say so
        api_sessions.end_beyond(tx, session.device_id, MOST_SESSIONS)
        devices.seen(tx, session.device_id)
        about = found.device.subjects
        data, personal = {"serial": found.credential.serial}, {"device": found.device.name}
        events.record(tx, caller, Happening("api_session.started", about, data, personal))
        proved = Proved(session, found.device, found.credential, ready.expires_at, ready.token)
        return Done(proved)

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None:
        if not isinstance(self.presented, Flawed):
            return written_down(tx, caller, self.presented.serial, refusal)
        (counted,) = limits.count_refusals(tx, [_uncertified(caller)])
        return None if counted else _later(limits.throttled(tx, _uncertified(caller)))


def _later(wait: int | None) -> Refusal:
    return Refusal("rate_limited", retry_after=wait)


def _begun_by(device_id: Id) -> str:
    return f"{limits.API_SESSION}{device_id}"


def _uncertified(caller: Caller) -> str:
    """What whoever comes without a certificate is counted by."""
    return f"{limits.UNCERTIFIED}{caller.source}" if caller.source else ""


class ByToken:
    """A verb that is asked for with a session's token.

    A device that asks for what it cannot have leaves an event once a minute (`knocking`).

    Attributes:
        presented: what the certificate beside the token was found to be.
    """

    presented: DeviceCertificate | Flawed

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None:
        shown = self.presented
        return (
            None if isinstance(shown, Flawed) else written_down(tx, caller, shown.serial, refusal)
        )


@dataclass(frozen=True)
class UseApiSession(ByToken, Verb[Proved, Proved, Proved]):
    """The session of a shown token, which lives on by being used.

    Attributes:
        presented: what the handshake's certificate was found to be.

    Refusals: `unauthenticated` for whatever counts for nothing, without saying why; it is counted,
    and no event: clients ask every minute until they notice. A token that another device shows is
    an event: it was stolen.
    """

    token: Secret
    presented: DeviceCertificate | Flawed

    name = "use_api_session"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Proved | Refusal:
        return shown_by(self.presented, proved_by(tools, tx, self.token))

    def work(self, tools: Tools, caller: Caller, seen: Proved) -> Proved | Answered[Proved]:
        # Once a minute is enough: it makes no difference to half an hour.
        if seen.session.last_seen_at > tools.clock() - MINUTE:
            return Answered(Done(seen))
        return seen

    def apply(self, tx: Tx, caller: Caller, ready: Proved) -> Done[Proved]:
        api_sessions.seen(tx, ready.session.id)
        devices.seen(tx, ready.device.id)
        return Done(ready)


@dataclass(frozen=True)
class EndApiSession(ByToken, Verb[Proved, Proved, None]):
    """End the session of a presented token.

    Refusals: as `UseApiSession`.
    """

    token: Secret
    presented: DeviceCertificate | Flawed

    name = "end_api_session"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Proved | Refusal:
        return shown_by(self.presented, proved_by(tools, tx, self.token))

    def work(self, tools: Tools, caller: Caller, seen: Proved) -> Proved:
        return seen

    def apply(self, tx: Tx, caller: Caller, ready: Proved) -> Done[None]:
        if not api_sessions.end(tx, ready.session.id):
            raise ConcurrentChange
        about, personal = ready.device.subjects, {"device": ready.device.name}
        events.record(tx, caller, Happening("api_session.ended", about, {}, personal))
        return Done(None)


def proved_by(tools: Tools, tx: Reader, token: Secret) -> Proved | Refusal:
    """What a token is worth now."""
    if not 0 < len(token.reveal()) <= LONGEST_PRESENTED:
        return _nothing()
    idle_since = tx.now - tools.api_session_idle
    session = api_sessions.find(tx, tools.keys.digests(Kind.API_SESSION, token), idle_since)
    if session is None:
        return _nothing()
    device = devices.find(tx, session.device_id)
    credential = _credential(tx, session)
    if device is None or credential is None:
        return _nothing()
    return Proved(session, device, credential, tx.now + tools.api_session_idle)


def shown_by(presented: DeviceCertificate | Flawed, found: Proved | Refusal) -> Proved | Refusal:
    """What was found, where the device itself shows it: a token alone is nobody's proof.

    It may show another certificate than it began with: it renews them.
    """
    if isinstance(found, Refusal):
        return found
    if isinstance(presented, Flawed):
        return _nothing("no certificate")
    if presented.device_id != found.device.id:
        return replace(_nothing("another device"), about=found.device.subjects, counted_only=False)
    return found


def _nothing(reason: str = "no such session") -> Refusal:
    return Refusal("unauthenticated", reason=reason, counted_only=True)


def _credential(tx: Reader, session: ApiSession) -> Credential | None:
    held = credentials.living(tx, session.device_id)
    return next((each for each in held if each.id == session.credential_id), None)
