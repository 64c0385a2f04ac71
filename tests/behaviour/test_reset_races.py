"""A reset beside what happens at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from enlist.core.caller import Caller
from enlist.core.ids import new_id
from enlist.core.outcomes import Done, Refusal
from enlist.store import device_moves
from enlist.store.tx import Query
from enlist.verbs.afresh import Ready, Seen
from enlist.verbs.driver import Tools
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.reset import Reset
from tests.behaviour.resetting import enrolled, reset, standing
from tests.installation import SHOWN, Enlist, code


def test_a_reset_and_a_redemption_at_once(enlist: Enlist) -> None:
    """D21: whoever was first, no credential that is older than the reset still counts."""
    seen = Counter[str]()
    for number in range(100):
        ticket = enlist.register("ada", name=f"laptop {number}")
        moves: list[Callable[[], object]] = [
            partial(enlist.redeem, ticket.token, key=number % 3),
            partial(enlist.perform, Reset(ticket.device_id)),
        ]
        redeemed, done_so = enlist.together(moves)
        assert code(done_so) == "done"
        seen[code(redeemed)] += 1
        assert set(standing(enlist, ticket.device_id)) <= {"credential_revoked"}
        found = enlist.device(ticket.device_id)
        live = [e for e in enlist.enrollments_of(found.id) if e.state == "active"]
        assert (found.state, len(live)) == ("registered", 1)
        assert live[0].id != ticket.enrollment_id
    assert set(seen) <= {"done", "token_replaced"}


def test_resets_at_once_leave_one_live_token(enlist: Enlist) -> None:
    """X22, S23: exactly one is redeemable, the newest; every other is superseded."""
    ticket = enrolled(enlist)
    verb = Reset(ticket.device_id, "lost", SHOWN)
    outcomes = enlist.together([partial(enlist.perform, verb)] * 8)
    tokens = [each.value.issued.token for each in outcomes if isinstance(each, Done)]
    assert {code(each) for each in outcomes} <= {"done", "try_later"}
    assert tokens
    answers = Counter(code(enlist.check(token)) for token in tokens)
    assert answers == {
        "done": 1,
        **({"token_replaced": len(tokens) - 1} if len(tokens) > 1 else {}),
    }


RENEW = Query(
    "test.renew",
    """
    INSERT INTO credential (id, device_id, enrollment_id, kind, serial, fingerprint, key_digest,
                            certificate, not_before, not_after, issued_at)
    SELECT :id, device_id, enrollment_id, kind, :serial, fingerprint, key_digest,
           certificate, not_before, not_after, issued_at
      FROM credential WHERE device_id = :device_id
    """,
)
"""Another credential for a device, as a renewal leaves it: the device itself is not changed."""


@dataclass(frozen=True)
class InterruptedReset(Reset):
    """Between looking and applying, the device renews its certificate; once."""

    renew: Callable[[], object] = lambda: None

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        self.renew()
        return super().work(tools, caller, seen)


@pytest.mark.parametrize("bound", [True, False])
def test_what_changes_at_the_last_moment_is_seen(enlist: Enlist, bound: bool) -> None:
    """D21, X45: what was not foreseen does not live on, and is not ended unseen either."""
    ticket = enrolled(enlist)
    preview = enlist.do(DryRun(Reset(ticket.device_id))).preview if bound else ""
    left = ["ab12"]

    def renew() -> None:
        if left:
            named = {"id": new_id(enlist.clock.now), "serial": left.pop()}
            enlist.store.write(lambda tx: tx.run(RENEW, device_id=ticket.device_id, **named))

    outcome = enlist.perform(InterruptedReset(ticket.device_id, preview=preview, renew=renew))
    assert code(outcome) == ("preview_outdated" if bound else "done")
    ended = [each.revoked_at is not None for each in enlist.credentials_of(ticket.device_id)]
    assert ended == [not bound] * 2
    if not bound:
        (event,) = enlist.events("device.reset")
        assert event.data["credentials_revoked"] == 2


def test_one_confirmation_of_many_counts(enlist: Enlist) -> None:
    """X45: two people confirm what both were shown; the second is shown the new situation."""
    ticket = enrolled(enlist)
    preview = enlist.do(DryRun(Reset(ticket.device_id))).preview
    verb = Reset(ticket.device_id, preview=preview)
    outcomes = enlist.together([partial(enlist.perform, verb)] * 6)
    assert Counter(map(code, outcomes)) == {"done": 1, "preview_outdated": 5}


def test_a_renewal_under_way_does_not_outlive_a_reset(enlist: Enlist) -> None:
    """D21: what gives an enrolled device another credential holds it, or finds it reset."""
    ticket = enrolled(enlist)
    held = enlist.store.write(lambda tx: device_moves.hold_enrolled(tx, ticket.device_id))
    reset(enlist, ticket.device_id)
    after = enlist.store.write(lambda tx: device_moves.hold_enrolled(tx, ticket.device_id))
    assert (held, after) == (True, False)
