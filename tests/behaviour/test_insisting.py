"""Whoever asks the same again and again is answered each time, and cannot fill the log."""

from __future__ import annotations

from collections import Counter

from enlist.core.ids import new_id
from enlist.store.limits import THROTTLE_REFUSALS, THROTTLE_WINDOW
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.reissue import Reissue
from enlist.verbs.reset import Reset
from enlist.verbs.revocations import ReadRevocations
from tests.installation import SHOWN, Enlist, code, done

TIMES = THROTTLE_REFUSALS + 3


def test_a_dead_token_shown_without_end_is_written_down_ten_times(enlist: Enlist) -> None:
    """Its holder, who was reset, hears the truth each time (rulings 10, 11)."""
    ticket, holder = enlist.register("ada"), enlist.stranger()
    done(enlist.redeem(ticket.token, caller=holder))
    enlist.do(Reset(ticket.device_id, "lost", SHOWN))
    heard = Counter(code(enlist.redeem(ticket.token, caller=holder)) for _ in range(TIMES))
    assert heard == {"token_used": TIMES}
    assert refusals(enlist) == {"token_used": THROTTLE_REFUSALS}

    assert code(enlist.redeem(ticket.token)) == "token_used"
    assert refusals(enlist) == {"token_used": THROTTLE_REFUSALS + 1}, "from elsewhere it is new"
    enlist.clock.now += THROTTLE_WINDOW
    assert code(enlist.redeem(ticket.token, caller=holder)) == "token_used"
    assert refusals(enlist) == {"token_used": THROTTLE_REFUSALS + 2}, "and later, too"


def test_another_answer_is_another_line(enlist: Enlist) -> None:
    """Many mistakes hide nothing else: no other enrollment, and nothing that comes of this one."""
    holder = enlist.stranger()
    ticket, another = enlist.register("ada"), enlist.register("ada")
    for _ in range(TIMES):
        enlist.redeem(ticket.token, key=None, caller=holder)
    enlist.redeem(another.token, key=None, caller=holder)
    enlist.revoke(ticket.enrollment_id)
    enlist.redeem(ticket.token, caller=holder)
    written = THROTTLE_REFUSALS + 1
    assert refusals(enlist) == {"completion_required": written, "token_revoked": 1}


def test_a_request_that_is_repeated_without_end_is_written_down_ten_times(enlist: Enlist) -> None:
    """X23: within ten minutes it gets the same answer, however often it asks."""
    ticket, device = enlist.register("ada"), enlist.stranger()
    done(enlist.redeem(ticket.token, caller=device))
    for _ in range(TIMES):
        assert done(enlist.redeem(ticket.token, caller=device)).repeated
    assert len(enlist.events("enrollment.repeated")) == THROTTLE_REFUSALS


def test_who_may_not_is_told_so_without_end_and_written_down_ten_times(enlist: Enlist) -> None:
    """Whatever he names: of what he may not do, and of what is not there for him."""
    reader = enlist.staff("reader")
    devices = [enlist.register("ada").device_id for _ in range(TIMES)]
    heard = Counter(code(enlist.perform(DeleteDevice(each), reader)) for each in devices)
    heard += Counter(
        code(enlist.perform(DeleteDevice(new_id(enlist.clock.now)), reader)) for _ in range(TIMES)
    )
    assert heard == {"forbidden": TIMES, "not_found": TIMES}
    told = {"forbidden": THROTTLE_REFUSALS, "not_found": THROTTLE_REFUSALS}
    assert refusals(enlist, "request.refused") == told

    enlist.perform(DeleteDevice(new_id(enlist.clock.now)), enlist.staff("reader"))
    assert refusals(enlist, "request.refused")["not_found"] == THROTTLE_REFUSALS + 1, "another's"
    enlist.clock.now += THROTTLE_WINDOW
    enlist.perform(DeleteDevice(new_id(enlist.clock.now)), reader)
    assert refusals(enlist, "request.refused")["not_found"] == THROTTLE_REFUSALS + 2, "and later"


def test_who_may_not_look_is_told_so_without_end_and_written_down_ten_times(enlist: Enlist) -> None:
    """A page is as good for that as a button."""
    helpdesk = enlist.staff("helpdesk")
    for _ in range(TIMES):
        seen = enlist.driver.view(ReadRevocations(), helpdesk)
        assert code(seen) == "forbidden"
    assert refusals(enlist, "request.refused") == {"forbidden": THROTTLE_REFUSALS}


def test_what_cannot_be_done_with_many_things_is_a_line_for_each(enlist: Enlist) -> None:
    """Of work on a hundred devices the log tells which were left; of one device ten times."""
    operator = enlist.staff("operator")
    tickets = [enlist.register("ada") for _ in range(TIMES)]
    for ticket in tickets:
        done(enlist.redeem(ticket.token, caller=enlist.stranger()))
    for ticket in tickets + [tickets[0]] * TIMES:
        enlist.perform(Reissue(ticket.enrollment_id, SHOWN), operator)
    assert refusals(enlist, "request.refused") == {"token_used": TIMES - 1 + THROTTLE_REFUSALS}


def refusals(enlist: Enlist, kind: str = "enrollment.refused") -> Counter[object]:
    """What was written down, by code."""
    return Counter(event.data["code"] for event in enlist.events(kind))
