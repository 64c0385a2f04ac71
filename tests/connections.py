"""Devices as a server process sees them connect, without sockets: for tests of what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from enlist.core.caller import SYSTEM, Caller, CallerKind
from enlist.core.ids import Id, new_id
from enlist.core.sessions import Ending, ProvedBy
from enlist.store import credentials, device_sessions
from enlist.store.lanes import Store
from enlist.store.tx import Query, Tx
from enlist.verbs.device_sessions import Heartbeat, Opened, OpenSession
from tests.installation import Enlist, Outcome, done

_HELD = Query(
    "test.live_session",
    """
    INSERT INTO device_session (id, device_id, credential_id, generation, process_id, proved_by,
                                opened_at)
    VALUES (:id, :device_id, :id, 1, :id, 'certificate', :now)
    """,
)


def live_session(store: Store, device_id: Id) -> Id:
    """A live session of any device, as it stands in the store."""

    def make(tx: Tx) -> Id:
        made = new_id(tx.now)
        device_sessions.process_seen(tx, made)
        tx.run(_HELD, id=made, device_id=device_id, now=tx.now)
        return made

    return store.write(make)


@dataclass(frozen=True)
class Enrolled:
    """A device with its certificate, as it comes to the device listener."""

    device_id: Id
    serial: str
    caller: Caller


def enrolled(enlist: Enlist, user: str = "ada", key: int = 0) -> Enrolled:
    ticket = enlist.register(user, name=f"laptop-{key}")
    done(enlist.redeem(ticket.token, key=key))
    (credential,) = enlist.store.read(lambda tx: credentials.of_device(tx, ticket.device_id))
    caller = Caller(CallerKind.DEVICE, id=ticket.device_id, address="192.0.2.7", user_agent="agent")
    return Enrolled(ticket.device_id, credential.serial, caller)


@dataclass
class Process:
    """A server process, as the store knows it."""

    enlist: Enlist
    id: Id
    most: int = 3

    @classmethod
    def of(cls, enlist: Enlist) -> Process:
        """One that lives."""
        made = cls(enlist, new_id(enlist.clock.now))
        made.beat()
        return made

    def beat(self, *sessions: Id) -> dict[Id, Ending]:
        ended: Mapping[Id, Ending] = self.enlist.do(Heartbeat(self.id, sessions), SYSTEM)
        return dict(ended)

    def open(self, device: Enrolled) -> Id:
        session_id = new_id(self.enlist.clock.now)
        done(self.tries(device, session_id))
        return session_id

    def tries(self, device: Enrolled, session_id: Id = "") -> Outcome[Opened]:
        verb = OpenSession(
            session_id or new_id(self.enlist.clock.now),
            self.id,
            device.device_id,
            device.serial,
            ProvedBy.CERTIFICATE,
            self.most,
        )
        return self.enlist.perform(verb, device.caller)
