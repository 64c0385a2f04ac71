"""Device sessions: opening one, whether it may go on, and its end.

Which sessions there are stands in the store, so that any process can list and end them; the
connections themselves are `enlist.sessions`' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import MINUTE
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.outcomes import Done, Drop, Refusal
from enlist.core.permissions import Permission
from enlist.core.sessions import WENT, DeviceSession, Ending, ProvedBy
from enlist.store import device_sessions, devices, events
from enlist.store.device_sessions import NewSession
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.device_status import Standing, standing
from enlist.verbs.driver import QuickVerb, Tools, View
from enlist.verbs.finding import beyond, device_named, with_id
from enlist.verbs.knocking import Knocks
from enlist.verbs.naming import discreetly
from enlist.verbs.views import Listed

LEASE: Final = MINUTE
"""How long a session counts as live after its process was last seen. A process that could not ask
for that long whether its sessions may go on ends them itself."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a process keeps of a session that it holds."""

    id: Id
    device_id: Id
    user_id: Id | None
    organization_path: str
    credential_id: Id
    not_after: int


@dataclass(frozen=True)
class OpenSession(Knocks, QuickVerb[Standing, Opened]):
    """Open a session for a device that proved to hold the key of its certificate.

    Where the device has more than `most`, the oldest end: a device that lost its network comes
    back before anybody knows that it had gone.

    Attributes:
        session_id: as the process that holds it calls it.
        serial: the certificate's, lower-case hex.

    Refusals: those of `DeviceStatus`.
    """

    session_id: Id
    process_id: Id
    device_id: Id
    serial: str
    proved_by: ProvedBy
    most: int

    name = "open_session"
    refused_as = "credential.refused"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Standing | Refusal:
        return standing(tx, caller, self.device_id, self.serial)

    def apply(self, tx: Tx, caller: Caller, ready: Standing) -> Done[Opened] | Refusal:
        device, credential = ready.device, ready.credential
        new = NewSession(
            self.session_id,
            credential.id,
            self.process_id,
            self.proved_by,
            caller.address,
            caller.user_agent[:300],
        )
        if not device_sessions.insert(tx, new):
            raise ConcurrentChange
        devices.seen(tx, device.id)
        data = {"proved_by": self.proved_by.value, "serial": credential.serial}
        happening = Happening("session.opened", device.subjects, data, {"device": device.name})
        events.record(tx, caller, happening)
        surplus = device_sessions.beyond(tx, device.id, self.most, tx.now - LEASE)
        gone = device_sessions.disconnect(tx, surplus)
        events.record_each(tx, [(caller, _ended(each, Ending.REPLACED)) for each in gone])
        opened = Opened(
            self.session_id,
            device.id,
            device.user_id,
            device.organization_path,
            credential.id,
            credential.not_after,
        )
        return Done(opened, (Drop(device.id),) if gone else ())


@dataclass(frozen=True)
class WhichEnded(View[Mapping[Id, Ending]]):
    """Which of some sessions must not go on. A process asks for its own."""

    session_ids: Sequence[Id]

    def read(self, tx: Reader, caller: Caller) -> Mapping[Id, Ending] | Refusal:
        return device_sessions.ended(tx, self.session_ids)


@dataclass(frozen=True)
class Heartbeat(QuickVerb[Mapping[Id, Ending], Mapping[Id, Ending]]):
    """A process lives, and asks which of all its sessions must not go on (`WhichEnded`)."""

    process_id: Id
    session_ids: Sequence[Id]

    name = "heartbeat"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Mapping[Id, Ending] | Refusal:
        return device_sessions.ended(tx, self.session_ids)

    def apply(
        self, tx: Tx, caller: Caller, ready: Mapping[Id, Ending]
    ) -> Done[Mapping[Id, Ending]] | Refusal:
        device_sessions.process_seen(tx, self.process_id)
        return Done(ready)


@dataclass(frozen=True)
class EndSessions(QuickVerb[None, None]):
    """Write down that sessions have ended, each once: what somebody disconnected is known."""

    endings: Sequence[tuple[Id, Ending]]

    name = "end_sessions"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Refusal | None:
        return None

    def apply(self, tx: Tx, caller: Caller, ready: None) -> Done[None] | Refusal:
        endings = dict(self.endings)
        gone = device_sessions.delete(tx, list(endings))
        events.record_each(tx, [(caller, _ended(each, endings[each.id])) for each in gone])
        return Done(None)


@dataclass(frozen=True)
class Disconnect(QuickVerb[DeviceSession, None]):
    """End a live session; the device may come back with the same credential.

    Refusals: `not_found`, `forbidden`.
    """

    session_id: str

    name = "disconnect"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> DeviceSession | Refusal:
        found = _named(tx, caller, self.session_id, Permission.DEVICES_RESET)
        if isinstance(found, Refusal):
            return found
        return beyond(tx, caller, found.user_id, found.subjects) or found

    def apply(self, tx: Tx, caller: Caller, ready: DeviceSession) -> Done[None] | Refusal:
        if not device_sessions.disconnect(tx, [ready.id]):
            raise ConcurrentChange
        events.record(tx, caller, _ended(ready, Ending.DISCONNECTED))
        return Done(None, (Drop(ready.device_id),))


@dataclass(frozen=True)
class ListDeviceSessions(Listed[DeviceSession]):
    """Live sessions. Filters: device, user."""

    permission = Permission.DEVICES_READ

    def show(
        self, tx: Reader, caller: Caller, request: PageRequest
    ) -> Page[DeviceSession] | Refusal:
        return device_sessions.page(tx, request, tx.now - LEASE)


@dataclass(frozen=True)
class ShowDeviceSession(View[DeviceSession]):
    """Refusals: `not_found`, `forbidden`."""

    session_id: str

    def read(self, tx: Reader, caller: Caller) -> DeviceSession | Refusal:
        found = _named(tx, caller, self.session_id, Permission.DEVICES_READ)
        return found if isinstance(found, Refusal) else discreetly(tx, caller, [found])[0]


def live_sessions(tx: Reader, device_id: Id) -> list[DeviceSession]:
    """The live sessions of a device, newest first: what a reset would end."""
    return device_sessions.of_device(tx, device_id, tx.now - LEASE)


def _named(
    tx: Reader, caller: Caller, session_id: str, permission: Permission
) -> DeviceSession | Refusal:
    def live(tx: Reader, by_id: Id) -> DeviceSession | None:
        return device_sessions.find(tx, by_id, tx.now - LEASE)

    found = with_id(tx, session_id, live, "device session")
    if isinstance(found, Refusal):
        return found
    device = device_named(tx, caller, found.device_id, permission)
    return device if isinstance(device, Refusal) else found


def _ended(session: DeviceSession, ending: Ending) -> Happening:
    kind = "session.closed" if ending in WENT else "session.dropped"
    data = {"reason": ending.value, "session": session.id}
    personal = {"device": session.device_name, "device_address": session.address}
    return Happening(kind, session.subjects, data, personal)
