"""Whoever shows the same secret again and again is answered each time, and cannot fill the log."""

from __future__ import annotations

from collections import Counter

from enlist.store.limits import THROTTLE_REFUSALS, THROTTLE_WINDOW
from enlist.verbs.reset import Reset
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


def refusals(enlist: Enlist) -> Counter[object]:
    """What was written down, by code."""
    return Counter(event.data["code"] for event in enlist.events("enrollment.refused"))
