"""Guessing is slow: ten refusals in ten minutes per source, counted exactly."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.core.clock import MINUTE
from enlist.core.secrets import Secret
from enlist.store.limits import THROTTLE_REFUSALS
from enlist.verbs.begin import Check
from enlist.verbs.driver import Tools
from enlist.verbs.presenting import Presented
from enlist.verbs.sign_in import StartSignIn
from tests.installation import PASSWORD, Enlist, code, done, refusal

GUESS = "abcdefghij"


def test_the_eleventh_wrong_token_is_not_looked_at(enlist: Enlist) -> None:
    """S40, ruling 10: with the time to wait; other sources are not concerned."""
    assert THROTTLE_REFUSALS == 10
    source = enlist.stranger()
    answers = [code(enlist.redeem(GUESS, caller=source)) for _ in range(10)]
    assert answers == ["token_invalid"] * 10
    told = refusal(enlist.redeem(GUESS, caller=source))
    assert (told.code, told.retry_after) == ("rate_limited", 600)
    assert code(enlist.redeem(GUESS)) == "token_invalid"


def test_a_throttled_source_enrolls_nothing_and_may_again_later(enlist: Enlist) -> None:
    """S40: not even with the right token; to the microsecond."""
    ticket, source = enlist.register("ada"), enlist.stranger()
    for _ in range(10):
        enlist.check(GUESS, caller=source)
    for present in (enlist.check, enlist.begin, enlist.redeem):
        assert code(present(ticket.token, caller=source)) == "rate_limited"
    enlist.clock.now += 10 * MINUTE - 1
    last = refusal(enlist.redeem(ticket.token, caller=source))
    assert (last.code, last.retry_after) == ("rate_limited", 1)
    enlist.clock.now += 1
    assert code(enlist.redeem(ticket.token, caller=source)) == "done"


def test_a_window_begins_with_its_first_refusal(enlist: Enlist) -> None:
    """Ruling 10: nine refusals, a pause, and ten more are free."""
    source = enlist.stranger()
    for _ in range(9):
        enlist.redeem(GUESS, caller=source)
    enlist.clock.now += 10 * MINUTE
    answers = Counter(code(enlist.redeem(GUESS, caller=source)) for _ in range(12))
    assert answers == {"token_invalid": 10, "rate_limited": 2}


def test_refusals_to_holders_do_not_count(enlist: Enlist) -> None:
    """S40, ruling 10: whoever holds a genuine secret guesses nothing."""
    ticket, source = enlist.register("ada"), enlist.stranger()
    enlist.revoke(ticket.enrollment_id)
    for _ in range(12):
        assert code(enlist.redeem(ticket.token, caller=source)) == "token_revoked"
    assert enlist.rows("throttle", source=source.address) == []


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_network(
    enlist: Enlist, one: str, other: str, together: bool
) -> None:
    """S40: a /64 belongs to one customer."""
    for _ in range(10):
        enlist.redeem(GUESS, caller=enlist.stranger(one))
    answer = code(enlist.redeem(GUESS, caller=enlist.stranger(other)))
    assert answer == ("rate_limited" if together else "token_invalid")


def test_thirty_guesses_at_once_get_ten_answers(enlist: Enlist) -> None:
    """S18, S40, ruling 26: exact also where they come in parallel."""
    source = enlist.stranger()
    outcomes = enlist.together([partial(enlist.redeem, GUESS, caller=source)] * 30)
    assert Counter(map(code, outcomes)) == {"token_invalid": 10, "rate_limited": 20}
    (row,) = enlist.rows("throttle", source=source.address)
    assert row["refused"] == 10


def test_two_servers_count_together(enlist: Enlist) -> None:
    """S40, ruling 26: one row per source, exact across processes."""
    other, source = enlist.again(), enlist.stranger()
    answers = [
        code((enlist, other)[number % 2].redeem(GUESS, caller=source)) for number in range(12)
    ]
    assert answers == ["token_invalid"] * 10 + ["rate_limited"] * 2
    source, both = enlist.stranger(), (enlist, other)
    outcomes = enlist.together(
        [partial(both[number % 2].redeem, GUESS, caller=source) for number in range(30)]
    )
    assert Counter(map(code, outcomes)) == {"token_invalid": 10, "rate_limited": 20}


def test_wrong_logins_count_as_wrong_tokens_do(enlist: Enlist) -> None:
    """Ruling 10, 26: signing in, Group IDs and tokens share the count of their source."""
    enlist.user("ada")
    source = enlist.stranger()
    for number in range(4):
        enlist.redeem(GUESS, caller=source)
        enlist.redeem(login=("nobody", str(number)), group_id="main", caller=source)
    for name in ("somebody", "else"):
        enlist.perform(StartSignIn(name, Secret("wrong")), source)
    outcome = enlist.perform(StartSignIn("ada", Secret(PASSWORD)), source)
    assert code(outcome) == "rate_limited"


@pytest.mark.parametrize(
    "typed", ["BCDF-GHJK-Z", "short", "x" * 21, "x" * 300, "päss-wörter", "a\x00bcdef", "", "'; --"]
)
def test_what_cannot_be_a_secret_costs_nothing(enlist: Enlist, typed: str) -> None:
    """S03, S09, ruling 11: a slip of the fingers is no guess, and no event; a metric counts it."""
    source = enlist.stranger()
    before = enlist.events()
    for _ in range(12):
        told = refusal(enlist.redeem(typed, caller=source))
        assert (told.code, told.counted_only) == ("token_invalid", True)
        assert told.support_code
    assert enlist.rows("throttle") == []
    assert enlist.events() == before


def test_throttled_requests_are_no_events(enlist: Enlist) -> None:
    """Ruling 11: a flood must not fill the log."""
    source = enlist.stranger()
    for _ in range(30):
        enlist.redeem(GUESS, caller=source)
    assert len(enlist.events("enrollment.refused")) == 10


def test_a_right_guess_among_wrong_ones_in_parallel_is_one_of_the_first_ten(
    enlist: Enlist,
) -> None:
    """S18: a source that is throttled meanwhile redeems nothing, whatever it sent in time."""
    ticket, source = enlist.register("ada"), enlist.stranger()
    for _ in range(10):
        enlist.redeem(GUESS, caller=source)
    outcomes = enlist.together([partial(enlist.redeem, ticket.token, caller=source)] * 8)
    assert {code(each) for each in outcomes} == {"rate_limited"}
    assert done(enlist.redeem(ticket.token)).device_id == ticket.device_id


def test_a_right_guess_learns_nothing_once_the_others_used_up_the_window(enlist: Enlist) -> None:
    """S18, S40: a burst of guesses is looked at before any of it is counted."""
    ticket, source = enlist.register("ada"), enlist.stranger()

    class Slow(Check):
        """A guess that was under way while ten wrong ones were counted."""

        def work(self, tools: Tools, caller: Caller, seen: Any) -> Any:
            for _ in range(10):
                enlist.redeem(GUESS, caller=caller)
            return super().work(tools, caller, seen)

    told = refusal(enlist.perform(Slow(Presented(ticket.token)), source))
    assert (told.code, told.retry_after) == ("rate_limited", 600)
    assert enlist.events("enrollment.checked") == []
