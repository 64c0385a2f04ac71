"""The stages of an enrollment: whoever follows one is told of each, once, however it came about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from enlist.core.caller import SYSTEM
from enlist.core.stages import KINDS_OF, STAGES, stage
from enlist.store import holds
from enlist.store.feed import SealedEvent
from enlist.verbs import documents
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.expiring import TellExpired
from enlist.verbs.feed import ReadEvents, ReadOn
from enlist.verbs.opened import Opened
from enlist.verbs.reactivate import Reactivate
from enlist.verbs.reset import Reset
from enlist.verbs.sealing import Sealer
from enlist.verbs.users import DeleteUser
from tests.installation import SHOWN, Enlist, code, done


def stages(enlist: Enlist) -> dict[str, list[str]]:
    """By enrollment, the stages that its events mark, in order; their expiries are told first."""
    while enlist.do(TellExpired(), SYSTEM):
        pass
    sealer = Sealer(enlist.store)
    while sealer.look().more:
        pass
    found: dict[str, list[str]] = {}
    for each in _all(enlist):
        told = documents.sealed_event(each)
        if told["stage"]:
            found.setdefault(told["enrollment_id"], []).append(told["stage"])
    return found


def _all(enlist: Enlist) -> Iterator[SealedEvent]:
    cursor, more = "", True
    while more:
        read = enlist.driver.view(ReadEvents(cursor, limit=500), enlist.host)
        assert isinstance(read, ReadOn)
        yield from read.items
        cursor, more = read.cursor, read.more


def test_a_life_from_issue_to_use(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.do(Opened(ticket.enrollment_id, by_person=False), enlist.stranger())
    enlist.do(Opened(ticket.enrollment_id, by_person=True), enlist.stranger())
    done(enlist.begin(ticket.token))
    done(enlist.redeem(ticket.token))
    enlist.redeem(ticket.token)
    enlist.clock.advance(hours=100)
    expected = ["issued", "opened", "leased", "used"]
    assert stages(enlist) == {ticket.enrollment_id: expected}


def test_what_runs_out_is_told_once_for_each_token(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    other = enlist.register("grace")
    enlist.clock.advance(hours=23, minutes=59)
    assert stages(enlist)[ticket.enrollment_id] == ["issued"]
    enlist.clock.advance(minutes=1)
    for _ in range(2):
        assert stages(enlist)[ticket.enrollment_id] == ["issued", "expired"]
    again = enlist.reissue(ticket.enrollment_id)
    enlist.clock.advance(hours=24)
    expected = ["issued", "expired", "superseded", "expired"]
    assert stages(enlist) == {
        ticket.enrollment_id: expected,
        other.enrollment_id: ["issued", "expired"],
    }
    assert code(enlist.redeem(again.token)) == "token_expired"


def test_many_that_run_out_at_once_are_told_by_several_processes_once_each(enlist: Enlist) -> None:
    enlist.user("ada")
    for number in range(230):
        enlist.register("ada", name=f"laptop-{number}")
    enlist.clock.advance(hours=24)
    enlist.together([lambda: enlist.perform(TellExpired(), SYSTEM) for _ in range(4)])
    told = stages(enlist)
    assert len(told) == 230
    assert set(map(tuple, told.values())) == {("issued", "expired")}


def test_one_that_runs_out_on_hold_is_told_of_once_it_is_freed(enlist: Enlist) -> None:
    held, told = enlist.register("ada"), enlist.register("grace")
    enlist.clock.advance(hours=1)
    enlist.store.write(holds.hold_all)
    enlist.do(Reactivate(told.enrollment_id))
    enlist.clock.advance(hours=24)
    assert stages(enlist)[held.enrollment_id] == ["issued"]
    enlist.do(Reactivate(held.enrollment_id))
    for _ in range(2):
        assert stages(enlist) == {
            each.enrollment_id: ["issued", "expired"] for each in (held, told)
        }


def test_a_newer_token_is_told_apart_from_being_taken_back(enlist: Enlist) -> None:
    first = enlist.register("ada")
    reset = enlist.do(Reset(first.device_id, "lost", SHOWN)).issued
    enlist.clock.advance(hours=24)
    assert stages(enlist)[reset.enrollment_id] == ["issued", "expired"]
    fresh = enlist.issue(first.device_id)
    done(enlist.revoke(fresh.enrollment_id))
    assert stages(enlist) == {
        first.enrollment_id: ["issued", "superseded"],
        reset.enrollment_id: ["issued", "expired", "superseded"],
        fresh.enrollment_id: ["issued", "revoked"],
    }


@pytest.mark.parametrize("end", ["device", "user"])
def test_what_ends_with_a_device_or_a_user_is_told_of_each(enlist: Enlist, end: str) -> None:
    one, two = enlist.register("ada", name="one"), enlist.register("ada", name="two")
    if end == "user":
        enlist.do(DeleteUser("ada"))
        assert set(map(tuple, stages(enlist).values())) == {("issued", "revoked")}
        return
    enlist.do(DeleteDevice(one.device_id))
    assert stages(enlist) == {
        one.enrollment_id: ["issued", "revoked"],
        two.enrollment_id: ["issued"],
    }


@pytest.mark.parametrize(
    ("kind", "data", "marked"),
    [
        ("message.sent", {"purpose": "registration"}, "sent"),
        ("message.sent", {"purpose": "device_enrolled"}, ""),
        ("enrollment.opened", {"scanner": True}, ""),
        ("enrollment.revoked", {"reason": "too_many_attempts"}, "revoked"),
        ("device.reassigned", {}, ""),
    ],
)
def test_what_marks_a_stage(kind: str, data: dict[str, object], marked: str) -> None:
    assert stage(kind, "0199", data) == marked
    assert stage(kind, None, data) == ""


def test_every_stage_has_kinds_that_mark_it() -> None:
    assert set(KINDS_OF) == set(STAGES)
    assert max(Counter(kind for kinds in KINDS_OF.values() for kind in kinds).values()) == 2
