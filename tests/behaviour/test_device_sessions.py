"""Device sessions in the store: who may open one, which must end, and who hears of it (S55)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.caller import SYSTEM, Caller
from enlist.core.clock import MINUTE, SECOND
from enlist.core.ids import Id, new_id
from enlist.core.model import UserState
from enlist.core.outcomes import Refusal
from enlist.core.sessions import DeviceSession, Ending, ProvedBy
from enlist.store import credentials, device_moves, device_sessions, users
from enlist.store.device_sessions import NewSession
from enlist.verbs.device_sessions import (
    LEASE,
    Disconnect,
    EndSessions,
    ListDeviceSessions,
    ShowDeviceSession,
    WhichEnded,
    live_sessions,
)
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.sweep import PROCESSES_KEPT, Sweep
from tests.connections import Process, enrolled
from tests.installation import Enlist, code


@pytest.fixture
def process(enlist: Enlist) -> Process:
    return Process.of(enlist)


def live(enlist: Enlist, caller: Caller | None = None) -> list[DeviceSession]:
    page = enlist.driver.view(ListDeviceSessions(), caller or enlist.host)
    assert not isinstance(page, Refusal)
    return list(page.items)


def told(enlist: Enlist, kind: str) -> list[str]:
    """The reasons of the events of a kind, oldest first."""
    return [str(row.data.get("reason", "")) for row in enlist.events(kind)]


def test_an_open_session_is_listed_with_where_it_comes_from(
    enlist: Enlist, process: Process
) -> None:
    device = enrolled(enlist)
    session_id = process.open(device)
    (found,) = live(enlist)
    assert (found.id, found.device_id, found.username) == (session_id, device.device_id, "ada")
    assert (found.address, found.user_agent) == ("192.0.2.7", "agent")
    assert (found.credential_serial, found.opened_at) == (device.serial, enlist.clock.now)
    shown: DeviceSession | Refusal = enlist.driver.view(ShowDeviceSession(session_id), enlist.host)
    assert shown == found
    (event,) = enlist.events("session.opened")
    assert event.data == {"proved_by": "certificate", "serial": device.serial}
    assert process.beat(session_id) == {}


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("revoked", Ending.CREDENTIAL_REVOKED),
        ("deleted", Ending.CREDENTIAL_REVOKED),
        ("expired", Ending.CREDENTIAL_EXPIRED),
        ("proofs ended", Ending.DISCONNECTED),
        ("user disabled", Ending.DEVICE_BLOCKED),
    ],
)
def test_the_heartbeat_finds_what_must_not_go_on(
    enlist: Enlist, process: Process, end: str, expected: Ending
) -> None:
    """One query over all sessions of a process, and only the right ones end (D06)."""
    first, other = enrolled(enlist, "ada", 1), enrolled(enlist, "grace", 2)
    opened, spared = process.open(first), process.open(other)
    ada = enlist.store.read(lambda tx: users.by_username(tx, "ada"))
    assert ada is not None
    moves = {
        "revoked": lambda tx: credentials.revoke_of_device(tx, first.device_id, "reset"),
        "deleted": lambda tx: device_moves.delete(tx, first.device_id),
        "proofs ended": lambda tx: credentials.end_proofs(tx, first.device_id),
        "user disabled": lambda tx: users.set_state(tx, ada.id, UserState.DISABLED),
    }
    if end == "expired":
        enlist.clock.advance(hours=24 * 400)
        assert process.beat(opened, spared) == {opened: expected, spared: expected}
        return
    enlist.store.write(moves[end])
    assert process.beat(opened, spared) == {opened: expected}
    seen = enlist.driver.view(WhichEnded([opened, spared]), SYSTEM)
    assert seen == {opened: expected}


def test_a_device_whose_user_was_enabled_again_may_come_back(
    enlist: Enlist, process: Process
) -> None:
    device = enrolled(enlist)
    ada = enlist.store.read(lambda tx: users.by_username(tx, "ada"))
    assert ada is not None
    enlist.store.write(lambda tx: users.set_state(tx, ada.id, UserState.DISABLED))
    assert code(process.tries(device)) == "device_blocked"
    enlist.store.write(lambda tx: users.set_state(tx, ada.id, UserState.ACTIVE))
    assert code(process.tries(device)) == "done"


@pytest.mark.parametrize("end", ["revoked", "deleted", "user disabled"])
def test_nothing_is_opened_that_ended_since_it_was_looked_at(
    enlist: Enlist, process: Process, end: str
) -> None:
    """The statement that opens a session asks all of it again."""
    device = enrolled(enlist)
    (credential,) = enlist.credentials_of(device.device_id)
    user_id = enlist.device(device.device_id).user_id
    assert user_id is not None
    moves = {
        "revoked": lambda tx: credentials.revoke_of_device(tx, device.device_id, "reset"),
        "deleted": lambda tx: device_moves.delete(tx, device.device_id),
        "user disabled": lambda tx: users.set_state(tx, user_id, UserState.DISABLED),
    }
    session_id = new_id(enlist.clock.now)
    new = NewSession(session_id, credential.id, process.id, ProvedBy.CERTIFICATE, "", "")
    enlist.store.write(moves[end])
    assert not enlist.store.write(lambda tx: device_sessions.insert(tx, new))
    assert live(enlist) == []


def test_whoever_was_revoked_opens_no_session(enlist: Enlist, process: Process) -> None:
    device = enrolled(enlist)
    enlist.do(DeleteDevice(device.device_id))
    assert code(process.tries(device)) == "credential_revoked"
    assert live(enlist) == []
    assert [row.data["code"] for row in enlist.events("credential.refused")] == [
        "credential_revoked"
    ]


def test_who_goes_on_knocking_is_written_down_once_a_minute(
    enlist: Enlist, process: Process
) -> None:
    """From one place and for one reason: a log is not to be filled by whoever was reset."""
    device = enrolled(enlist)
    elsewhere = replace(device, caller=replace(device.caller, address="192.0.2.8"))
    ada = enlist.store.read(lambda tx: users.by_username(tx, "ada"))
    assert ada is not None
    enlist.store.write(lambda tx: users.set_state(tx, ada.id, UserState.DISABLED))
    for _ in range(3):
        assert code(process.tries(device)) == "device_blocked"
    enlist.do(DeleteDevice(device.device_id))
    status = DeviceStatus(device.device_id, device.serial)
    for _ in range(3):
        assert code(process.tries(device)) == "credential_revoked"
        assert code(enlist.perform(status, device.caller)) == "credential_revoked"
    assert code(process.tries(elsewhere)) == "credential_revoked"
    enlist.clock.now += MINUTE
    assert code(process.tries(device)) == "credential_revoked"
    events = enlist.events("credential.refused")
    assert [row.data["code"] for row in events] == ["device_blocked", *["credential_revoked"] * 3]


def test_the_oldest_session_of_a_device_gives_way(enlist: Enlist, process: Process) -> None:
    """A device whose network was gone comes back before anybody knows of it."""
    device = enrolled(enlist)
    process.most = 2
    opened = [process.open(device) for _ in range(4)]
    assert [each.id for each in live(enlist)] == [opened[3], opened[2]]
    assert process.beat(*opened) == dict.fromkeys(opened[:2], Ending.DISCONNECTED)
    assert told(enlist, "session.dropped") == ["newer_session", "newer_session"]


def test_an_ending_is_written_down_once(enlist: Enlist, process: Process) -> None:
    device = enrolled(enlist)
    first, second = process.open(device), process.open(device)
    enlist.do(Disconnect(first))
    endings = ((first, Ending.DISCONNECTED), (second, Ending.LOST))
    enlist.do(EndSessions(endings), SYSTEM)
    enlist.do(EndSessions(endings), SYSTEM)
    assert told(enlist, "session.dropped") == ["disconnected"]
    assert told(enlist, "session.closed") == ["connection_lost"]
    assert live(enlist) == []


def test_who_may_disconnect(enlist: Enlist, process: Process) -> None:
    """Operators may; who looks may not; who belongs elsewhere finds nothing (S51)."""
    enlist.organization("away")
    session_id = process.open(enrolled(enlist))
    elsewhere = enlist.staff("operator", "away")
    assert live(enlist, elsewhere) == []
    shown: DeviceSession | Refusal = enlist.driver.view(ShowDeviceSession(session_id), elsewhere)
    assert code(shown) == "not_found"
    assert code(enlist.perform(Disconnect(session_id), elsewhere)) == "not_found"
    assert code(enlist.perform(Disconnect(session_id), enlist.staff("reader"))) == "forbidden"
    assert len(live(enlist, enlist.staff("reader"))) == 1
    assert code(enlist.perform(Disconnect(session_id), enlist.staff("operator"))) == "done"
    assert code(enlist.perform(Disconnect(session_id))) == "not_found"


def test_the_sessions_of_a_process_that_died_are_over(enlist: Enlist, process: Process) -> None:
    device = enrolled(enlist)
    session_id = process.open(device)
    enlist.clock.now += LEASE - SECOND
    assert [each.id for each in live(enlist)] == [session_id]
    enlist.clock.now += SECOND
    assert live(enlist) == []
    assert enlist.store.read(lambda tx: live_sessions(tx, device.device_id)) == []
    assert code(enlist.perform(Disconnect(session_id))) == "not_found"
    enlist.clock.now += PROCESSES_KEPT + MINUTE
    assert enlist.do(Sweep(), SYSTEM) >= 2
    assert enlist.rows("device_session") == enlist.rows("server_process") == []


def test_a_heartbeat_keeps_sessions_live(enlist: Enlist, process: Process) -> None:
    session_id = process.open(enrolled(enlist))
    for _ in range(3):
        enlist.clock.now += LEASE - SECOND
        assert process.beat(session_id) == {}
    assert [each.id for each in live(enlist)] == [session_id]


def test_a_list_is_searched_filtered_and_paged(enlist: Enlist, process: Process) -> None:
    first, second = enrolled(enlist, "ada", 1), enrolled(enlist, "grace", 2)
    opened = [process.open(first), process.open(second), process.open(second)]

    def ids(**wanted: object) -> list[Id]:
        view = ListDeviceSessions(**wanted)  # type: ignore[arg-type]  # as the tests below name them
        page = enlist.driver.view(view, enlist.host)
        assert not isinstance(page, Refusal), page
        return [each.id for each in page.items]

    assert ids(search="GRACE") == [opened[2], opened[1]]
    assert ids(filters={"device": first.device_id}) == [opened[0]]
    assert ids(filters={"user": "grace"}, sort="opened_at") == opened[1:]
    page = enlist.driver.view(ListDeviceSessions(limit=2), enlist.host)
    assert not isinstance(page, Refusal)
    assert page.next_cursor is not None
    assert ids(limit=2, cursor=page.next_cursor) == [opened[0]]
