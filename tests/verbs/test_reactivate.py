"""Reactivate: what a restore put on hold is freed by somebody who looked (ruling 35)."""

from __future__ import annotations

import pytest

from enlist.core.lifecycle import EnrollmentState
from enlist.core.model import Enrollment
from enlist.store import holds
from enlist.store.tx import ConcurrentChange
from enlist.verbs.reactivate import ListHeld, Reactivate
from enlist.verbs.reissue import Reissue
from tests.installation import SHOWN, Enlist, Ticket, code, refusal


def test_what_is_on_hold_tells_its_holder_so_and_works_once_freed(enlist: Enlist) -> None:
    """Ruling 35: 409 `token_on_hold`, nothing used up; then the same token, once."""
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    assert code(enlist.redeem(ticket.token)) == "token_on_hold"
    assert code(enlist.check(ticket.token)) == "token_on_hold"
    assert enlist.enrollment(ticket.enrollment_id).state is EnrollmentState.ON_HOLD
    enlist.do(Reactivate(ticket.enrollment_id))
    assert [
        event["enrollment_id"] for event in enlist.rows("event", kind="enrollment.reactivated")
    ] == [ticket.enrollment_id]
    assert code(enlist.redeem(ticket.token)) == "done"
    assert code(enlist.redeem(ticket.token, key=1)) == "token_used"


def test_a_stranger_hears_nothing_of_it(enlist: Enlist) -> None:
    enlist.register("ada")
    enlist.store.write(holds.hold_all)
    assert code(enlist.redeem("2345678923")) == "token_invalid"


def test_only_what_is_on_hold_can_be_freed(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    assert refusal(enlist.perform(Reactivate(ticket.enrollment_id))).code == "conflict"
    enlist.redeem(ticket.token)
    assert refusal(enlist.perform(Reactivate(ticket.enrollment_id))).code == "conflict"


def test_a_newer_token_for_the_device_stays_the_only_one(enlist: Enlist) -> None:
    """Ruling 29: one live enrollment for a device."""
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    newer = enlist.issue(ticket.device_id)
    assert refusal(enlist.perform(Reactivate(ticket.enrollment_id))).code == "enrollment_exists"
    reissue = Reissue(ticket.enrollment_id, SHOWN)
    assert refusal(enlist.perform(reissue)).code == "enrollment_exists"
    assert code(enlist.redeem(newer.token)) == "done"


def test_what_changes_after_it_was_looked_at_is_told_as_it_is(enlist: Enlist) -> None:
    """A device that was enrolled meanwhile has no other live enrollment to look for."""
    first, second = enlist.register("ada"), enlist.register("eve")
    enlist.store.write(holds.hold_all)
    host, tools = enlist.host, enlist.installation.tools

    def seen(ticket: Ticket) -> tuple[Reactivate, Enrollment]:
        verb = Reactivate(ticket.enrollment_id)
        found = enlist.store.read(lambda tx: verb.look(tools, tx, host))
        assert isinstance(found, Enrollment)
        return verb, found

    verb, enrolled = seen(first)
    enlist.redeem(enlist.issue(first.device_id).token)
    outcome = enlist.store.write(lambda tx: verb.apply(tx, host, enrolled))
    assert code(outcome) == "device_enrolled"
    verb, revoked = seen(second)
    enlist.revoke(second.enrollment_id)
    with pytest.raises(ConcurrentChange):
        enlist.store.write(lambda tx: verb.apply(tx, host, revoked))


def test_what_a_newer_token_has_overtaken_cannot_come_back(enlist: Enlist) -> None:
    """Nobody is sent a token that can enroll nothing, and none stays live for a later reset."""
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    enlist.redeem(enlist.issue(ticket.device_id).token)
    freed = enlist.perform(Reactivate(ticket.enrollment_id))
    reissued = enlist.perform(Reissue(ticket.enrollment_id, SHOWN))
    assert code(freed) == code(reissued) == "device_enrolled"
    assert not enlist.store.write(lambda tx: holds.reactivate(tx, ticket.enrollment_id))
    assert code(enlist.revoke(ticket.enrollment_id)) == "done"


def test_reissue_and_revoke_work_on_what_is_on_hold(enlist: Enlist) -> None:
    first, second = enlist.register("ada"), enlist.register("ben")
    enlist.store.write(holds.hold_all)
    fresh = enlist.reissue(first.enrollment_id)
    assert code(enlist.redeem(first.token)) == "token_replaced"
    assert code(enlist.redeem(fresh.token)) == "done"
    assert code(enlist.revoke(second.enrollment_id)) == "done"
    assert code(enlist.redeem(second.token)) == "token_revoked"


def test_the_list_of_what_is_on_hold_is_whole(enlist: Enlist) -> None:
    tickets = [enlist.register(name) for name in ("ada", "ben", "cyd")]
    enlist.store.write(holds.hold_all)
    first = enlist.driver.view(ListHeld(limit=2), enlist.host)
    assert isinstance(first, tuple)
    rest = enlist.driver.view(ListHeld(first[-1], 2), enlist.host)
    assert isinstance(rest, tuple)
    assert [*first, *rest] == [ticket.enrollment_id for ticket in tickets]
