"""What is done together ends as if each had come alone, and nobody harms anybody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from enlist.core.caller import Caller
from enlist.core.ids import NOTHING
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.store import limits, redemptions
from enlist.store.ahead import ReadAhead
from enlist.store.limits import THROTTLE_REFUSALS
from enlist.store.postgres import PostgresTx
from enlist.store.redemptions import DeviceReport
from enlist.store.sqlite import SqliteTx
from enlist.store.tx import StoreUnavailable
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.together import Asked, Outcome, Together
from tests.installation import PASSWORD, Enlist, code, done
from tests.records import exactly_one_of_everything
from tests.requests import csr

UNKNOWN = "zzzzzzzzzz"


@pytest.fixture
def together(enlist: Enlist) -> Callable[[Sequence[Asked]], list[Outcome]]:
    return Together(enlist.driver, enlist.store).perform


Do = Callable[[Sequence[Asked]], list[Outcome]]


def asking(
    token: Secret | str, caller: Caller, *, key: int | None = 0, **report: str
) -> tuple[Redeem, Caller]:
    """A device that comes with a token."""
    secret = Secret(token) if isinstance(token, str) else token
    told = DeviceReport(**{"platform": "linux", **report})
    return Redeem(Presented(secret), told, None if key is None else csr(key)), caller


def enrolled(outcome: Outcome) -> Done[Any] | Refusal:
    """What was decided; a fault is raised."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def codes(outcomes: Sequence[Outcome]) -> list[str]:
    return [type(each).__name__ if isinstance(each, Exception) else code(each) for each in outcomes]


def test_each_is_enrolled_with_a_certificate_of_its_own(enlist: Enlist, together: Do) -> None:
    """P11: as many devices, credentials and events as answers."""
    tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(20)]
    asked = [
        asking(t.token, enlist.stranger(), key=n, model=f"m{n}") for n, t in enumerate(tickets)
    ]
    answers = [done(enrolled(each)) for each in together(asked)]
    assert [each.device_id for each in answers] == [each.device_id for each in tickets]
    assert len({each.certificate for each in answers}) == len(tickets)
    for number, ticket in enumerate(tickets):
        exactly_one_of_everything(enlist, ticket)
        assert enlist.device(ticket.device_id).model == f"m{number}"


def test_of_64_contenders_one_wins(enlist: Enlist, together: Do) -> None:
    """A29, S22: in one batch as in many; the others are told, and each has its event."""
    ticket = enlist.register("ada")
    outcomes = together([asking(ticket.token, enlist.stranger(), key=n % 8) for n in range(64)])
    again = [each for each in outcomes if code(each) == "done" and done(enrolled(each)).repeated]
    assert Counter(codes(outcomes)) == {"done": 1 + len(again), "token_used": 63 - len(again)}
    assert len(again) == 7  # the winner's own key
    exactly_one_of_everything(enlist, ticket)
    refused = enlist.events("enrollment.refused", enrollment=ticket.enrollment_id)
    assert {each.support_code for each in refused} == {
        each.support_code for each in outcomes if isinstance(each, Refusal)
    }


def test_a_sign_ins_code_enrolls_one_device(enlist: Enlist, together: Do) -> None:
    """A29, ruling 24: each would make a device of its own, so the attempt decides."""
    enlist.user("ada")
    begun = done(enlist.begin(group_id="main", login=("ada", PASSWORD)))
    outcomes = together([asking(begun.code, enlist.stranger(), key=n) for n in range(3)])
    assert Counter(codes(outcomes)) == {"done": 1, "token_used": 2}
    assert [each.state for each in enlist.devices()] == ["enrolled"]
    assert len(enlist.rows("enrollment")) == 1


def test_each_is_told_what_he_would_be_told_alone(enlist: Enlist, together: Do) -> None:
    """Every way to be wrong, in one batch, beside one that is right."""
    names = ("used", "revoked", "reissued", "right", "bare", "other")
    tickets = {name: enlist.register("ada", name=name) for name in names}
    done(enlist.redeem(tickets["used"].token, key=77))
    enlist.revoke(tickets["revoked"].enrollment_id)
    enlist.reissue(tickets["reissued"].enrollment_id)
    soon = enlist.register("ada", name="soon", expires_at=enlist.clock.now + 60_000_000)
    enlist.clock.advance(minutes=2)
    ways = {
        "token_used": asking(tickets["used"].token, enlist.stranger(), key=1),
        "token_revoked": asking(tickets["revoked"].token, enlist.stranger()),
        "token_replaced": asking(tickets["reissued"].token, enlist.stranger()),
        "token_expired": asking(soon.token, enlist.stranger()),
        "token_invalid": asking(UNKNOWN, enlist.stranger()),
        "platform_mismatch": asking(tickets["other"].token, enlist.stranger(), platform="windows"),
        "platform_not_supported": asking(UNKNOWN, enlist.stranger(), platform="amiga"),
        "completion_required": asking(tickets["bare"].token, enlist.stranger(), key=None),
        "done": asking(tickets["right"].token, enlist.stranger()),
    }
    assert codes(together(list(ways.values()))) == list(ways)
    alone = [enlist.driver.perform(*each) for name, each in ways.items() if name != "done"]
    assert codes(alone) == [name for name in ways if name != "done"]


def test_a_source_that_guesses_is_throttled_within_a_batch(enlist: Enlist, together: Do) -> None:
    """S40: guesses that come together are counted one by one; nobody else waits."""
    guesser, ticket = enlist.stranger(), enlist.register("ada")
    asked = [asking(UNKNOWN, guesser) for _ in range(THROTTLE_REFUSALS + 5)]
    outcomes = together([*asked, asking(ticket.token, enlist.stranger())])
    assert Counter(codes(outcomes)) == {
        "token_invalid": THROTTLE_REFUSALS,
        "rate_limited": 5,
        "done": 1,
    }
    assert codes(together([asking(UNKNOWN, guesser)] * 2)) == ["rate_limited"] * 2


def test_a_guesser_among_holders_and_others_is_counted_alone(enlist: Enlist, together: Do) -> None:
    """Ruling 10: in one batch, also where a holder asks from the same source."""
    source, ticket = enlist.stranger(), enlist.register("ada")
    enlist.revoke(ticket.enrollment_id)
    both = [asking(ticket.token, source), asking(UNKNOWN, source)]
    outcomes = together([*both * (THROTTLE_REFUSALS + 2), asking(UNKNOWN, enlist.stranger())])
    told = ["token_revoked", "token_invalid"] * THROTTLE_REFUSALS
    assert codes(outcomes) == [*told, *["token_revoked", "rate_limited"] * 2, "token_invalid"]
    assert len(enlist.events("enrollment.refused")) == 2 * THROTTLE_REFUSALS + 1  # ruling 11
    late = outcomes[-2]
    assert isinstance(late, Refusal)
    assert late.retry_after == 600
    (counted,) = enlist.rows("throttle", source=source.source)
    assert counted["refused"] == THROTTLE_REFUSALS


def test_a_source_that_is_throttled_redeems_nothing(enlist: Enlist, together: Do) -> None:
    """S18: not even with the right token, guessed after the count was reached."""
    guesser, ticket = enlist.stranger(), enlist.register("ada")
    together([asking(UNKNOWN, guesser)] * THROTTLE_REFUSALS)
    right = asking(ticket.token, guesser)
    assert codes(together([right, right])) == ["rate_limited"] * 2
    assert enlist.device(ticket.device_id).state == "registered"


def test_a_fault_in_one_request_is_its_own(
    enlist: Enlist, together: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are answered as if it had never come."""
    tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(3)]
    asked = [asking(each.token, enlist.stranger()) for each in tickets]
    work = Redeem.work

    def failing(self: Redeem, *given: Any) -> Any:
        if self is asked[1][0]:
            raise ZeroDivisionError
        return work(self, *given)

    monkeypatch.setattr(Redeem, "work", failing)
    assert codes(together(asked)) == ["done", "ZeroDivisionError", "done"]
    assert enlist.device(tickets[1].device_id).state == "registered"


def test_a_claim_that_breaks_the_batch_is_refused_alone(
    enlist: Enlist, together: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X25: what all did is undone, and each is done again by itself.

    It wants a device that is not there, which only the statement itself finds out.
    """
    tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(3)]
    asked = [asking(each.token, enlist.stranger()) for each in tickets]
    redeem, sizes = redemptions.redeem, []

    def breaking(tx: Any, claims: Sequence[Any]) -> list[bool]:
        sizes.append(len(claims))
        wrong = tickets[1].device_id
        return redeem(
            tx,
            [
                replace(claim, device_id=NOTHING) if claim.device_id == wrong else claim
                for claim in claims
            ],
        )

    monkeypatch.setattr(Redeem, "apply_many", staticmethod(breaking))
    assert codes(together(asked)) == ["done", "try_later", "done"]
    assert sizes == [3, *[1] * 7], "five tries for the one that cannot be"
    assert len(enlist.events("enrollment.redeemed")) == 2


def test_what_was_committed_is_answered(
    enlist: Enlist, together: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S75: the database goes away after the claims; winners have won, the rest may come again."""
    ticket = enlist.register("ada")
    asked = [asking(ticket.token, enlist.stranger(), key=n) for n in range(3)]

    def gone(*_: Any) -> Refusal:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(Redeem, "lost", gone)
    found = Counter(codes(together(asked)))
    assert found == {"done": 1, "StoreUnavailable": 2}


def test_without_a_database_all_are_told_at_once(enlist: Enlist, together: Do) -> None:
    """S75: not each after waiting for it alone."""
    asked = [asking(UNKNOWN, enlist.stranger()) for _ in range(3)]
    enlist.store.close()
    assert codes(together(asked)) == ["StoreUnavailable"] * 3


def test_a_login_is_not_for_the_lane(enlist: Enlist, together: Do) -> None:
    """S45: whoever asked for it would hold up all others; it is done alone, and rightly."""
    enlist.set(token_type="two_factor")
    ticket = enlist.register("ada")
    verb, caller = asking(ticket.token, enlist.stranger())
    wrong = replace(verb.presented, username="ada", password=Secret("not this one"))
    other = asking(UNKNOWN, enlist.stranger())
    assert codes(together([(replace(verb, presented=wrong), caller), other])) == [
        "credentials_invalid",
        "token_invalid",
    ]
    (row,) = enlist.rows("enrollment")
    assert row["wrong_logins"] == 1


@pytest.mark.parametrize("many", [1, 20])
def test_what_can_be_no_token_is_refused_without_a_query(
    enlist: Enlist, together: Do, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """S03, P12: also while the database is away; beside others, nobody waits for it."""
    ticket = enlist.register("ada")

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("away")

    slip = asking("BCDF-GHJK-Z", enlist.stranger())
    right = asking(ticket.token, enlist.stranger())
    with monkeypatch.context() as patched:
        for lane in ("read", "write", "claim"):
            patched.setattr(enlist.store, lane, away)
        assert codes(together([slip] * many)) == ["token_invalid"] * many
        assert codes(together([slip, right])) == ["token_invalid", "StoreUnavailable"]
    assert codes(together([slip, right, slip])) == ["token_invalid", "done", "token_invalid"]


@pytest.mark.parametrize("store_kind", ["postgres"], indirect=True)
def test_a_row_that_somebody_keeps_locked_holds_up_nobody_else(
    enlist: Enlist, settings: Settings, together: Do
) -> None:
    """An open transaction on one enrollment; S75: its own device is told to come again."""
    tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(3)]
    asked = [asking(ticket.token, enlist.stranger(), key=n) for n, ticket in enumerate(tickets)]
    with psycopg.connect(settings.database) as somebody:
        locked = tickets[1].enrollment_id
        somebody.execute("SELECT 1 FROM enrollment WHERE id = %s FOR UPDATE", [locked])
        assert codes(together(asked)) == ["done", "StoreUnavailable", "done"]
    assert codes(together([asked[1]])) == ["done"]


@pytest.mark.parametrize("many", [1, 3])
def test_a_source_that_is_throttled_meanwhile_redeems_nothing(
    enlist: Enlist, together: Do, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """X13: of many guesses sent at once the right one comes too late; the claim itself says so."""
    guesser, neighbour = enlist.stranger(), enlist.stranger()
    tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(many + 1)]
    work = Redeem.work

    def meanwhile(verb: Redeem, tools: Any, caller: Caller, seen: Any) -> Any:
        if caller is guesser:
            for _ in range(THROTTLE_REFUSALS):
                enlist.store.write(lambda tx: limits.count_refusals(tx, [guesser.source]))
        return work(verb, tools, caller, seen)

    monkeypatch.setattr(Redeem, "work", meanwhile)
    asked = [asking(ticket.token, guesser, key=n) for n, ticket in enumerate(tickets[:many])]
    told = codes(together([*asked, asking(tickets[many].token, neighbour, key=many)]))
    assert told == ["rate_limited"] * many + ["done"]
    assert len(enlist.rows("enrollment", state="used")) == 1


@pytest.mark.parametrize("many", [1, 2])
def test_a_right_code_that_was_guessed_too_late_is_not_told(
    enlist: Enlist, together: Do, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """X13: whose source is throttled meanwhile hears nothing of the attempt that it is for."""
    guesser, tickets = enlist.stranger(), [enlist.register("ada", name=f"{n}") for n in range(many)]
    guessed = [done(enlist.begin(ticket.token)).code for ticket in tickets]
    work = Redeem.work

    def meanwhile(*given: Any) -> Any:
        for _ in range(THROTTLE_REFUSALS):
            enlist.redeem(UNKNOWN, caller=guesser)
        return work(*given)

    monkeypatch.setattr(Redeem, "work", meanwhile)
    assert codes(together([asking(each, guesser) for each in guessed])) == ["rate_limited"] * many
    assert enlist.rows("attempt", state="completed") == []


@pytest.mark.parametrize("many", [1, 2])
def test_what_was_in_the_way_of_a_claim_and_is_gone_is_no_refusal(
    enlist: Enlist, together: Do, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """S13: who may redeem when it is looked why he could not, tries again."""
    tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(many)]
    redeem, claimed = redemptions.redeem, []

    def at_first_in_the_way(tx: Any, claims: Sequence[Any]) -> list[bool]:
        claimed.append(len(claims))
        return redeem(tx, claims) if len(claimed) > 1 else [False] * len(claims)

    monkeypatch.setattr(Redeem, "apply_many", staticmethod(at_first_in_the_way))
    asked = [asking(ticket.token, enlist.stranger()) for ticket in tickets]
    assert codes(together(asked)) == ["done"] * many
    assert enlist.events("enrollment.refused") == []


def test_who_has_won_is_not_asked_again_for_what_befell_others(
    enlist: Enlist, together: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X23: without a key to be known by he would be told that his own token is used."""
    enlist.set(allow_bare_enrollment=True)
    tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(2)]
    lost = Redeem.lost

    def failing(self: Redeem, tools: Any, tx: Any, *given: Any) -> Refusal:
        if isinstance(tx, ReadAhead):  # as together, but not as alone
            raise ZeroDivisionError
        return lost(self, tools, tx, *given)

    monkeypatch.setattr(Redeem, "lost", failing)
    asked = [asking(tickets[n].token, enlist.stranger(), key=None) for n in (0, 0, 1)]
    assert codes(together(asked)) == ["done", "token_used", "done"]
    assert len(enlist.events("enrollment.redeemed")) == 2


def test_refusals_stand_in_the_log_in_the_order_they_came(enlist: Enlist, together: Do) -> None:
    """X18: also those that were written down at once."""
    outcomes = together([asking(UNKNOWN, enlist.stranger()) for _ in range(5)])
    refused = enlist.events("enrollment.refused")
    told = [each.support_code for each in outcomes if isinstance(each, Refusal)]
    assert [each.support_code for each in refused] == told


def test_many_cost_as_many_statements_as_few(
    enlist: Enlist, together: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P12: strangers cannot make the database work for each of them."""
    asked: list[object] = []
    for transaction in (SqliteTx, PostgresTx):
        execute = transaction._execute

        def counting(self: Any, text: object, *rest: Any, _execute: Any = execute) -> Any:
            asked.append(text)
            return _execute(self, text, *rest)

        monkeypatch.setattr(transaction, "_execute", counting)
    counts = []
    for many in (2, 20):
        strangers = [enlist.stranger(f"192.0.2.{many + place}") for place in range(many)]
        asked.clear()
        refused = together([asking(UNKNOWN, stranger) for stranger in strangers])
        assert codes(refused) == ["token_invalid"] * many
        counts.append(len(asked))
    assert counts[0] == counts[1]
