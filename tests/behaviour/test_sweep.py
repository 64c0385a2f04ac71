"""What is over is forgotten; what still counts stays (X15, X55)."""

from __future__ import annotations

from enlist.core.caller import SYSTEM
from enlist.verbs.sweep import Sweep
from tests.installation import Enlist, code, done


def test_only_what_is_over_is_swept(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    stranger = enlist.stranger()
    for _ in range(10):
        enlist.redeem("Wr0ngWr0ng", caller=stranger)
    assert code(enlist.redeem(ticket.token, caller=stranger)) == "rate_limited"

    done(enlist.perform(Sweep(), SYSTEM))
    assert code(enlist.redeem(ticket.token, caller=stranger)) == "rate_limited"
    assert len(enlist.rows("attempt")) == 1

    enlist.clock.advance(hours=8 * 24)
    assert done(enlist.perform(Sweep(), SYSTEM)) >= 2
    assert enlist.rows("attempt") == []
    assert [row["source"] for row in enlist.rows("throttle")] in ([], ["-"])
    assert code(enlist.redeem(begun.code)) == "token_invalid"
    assert enlist.events("attempt.started") != []
