"""Many come with one token: one device is enrolled, once, and everybody else is told."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.core.outcomes import Done, Refusal
from enlist.store import redemptions
from enlist.store.limits import THROTTLE_REFUSALS
from enlist.store.redemptions import Redemption
from enlist.store.tx import Query, Tx
from enlist.verbs.begin import MOST_BEGUN
from enlist.verbs.redeem import Redeem
from enlist.verbs.repeating import Enrolled
from enlist.verbs.reset import Reset
from tests.installation import PASSWORD, SHOWN, Enlist, Ticket, code, done
from tests.records import exactly_one_of_everything
from tests.requests import csr

CONTENDERS = 32
ROUNDS = 50

SET_MAX_USES = Query("test.set_max_uses", "UPDATE enrollment SET max_uses = :most WHERE id = :id")
SET_REGISTERED = Query(
    "test.set_registered", "UPDATE device SET state = 'registered' WHERE id = :id"
)


def test_32_devices_with_one_token_make_one_enrollment(enlist: Enlist) -> None:
    """A29, S13, X25: fifty rounds, each with one success and 31 refusals, whoever was first."""
    for number in range(ROUNDS):
        ticket = enlist.register("ada", name=f"laptop {number}")
        outcomes = enlist.together(
            [partial(enlist.redeem, ticket.token, key=key) for key in range(CONTENDERS)]
        )
        assert Counter(code(each) for each in outcomes) == {"done": 1, "token_used": 31}
        exactly_one_of_everything(enlist, ticket)
    assert len(enlist.devices()) == ROUNDS


def test_as_many_attempts_as_may_be_open_make_one_enrollment(enlist: Enlist) -> None:
    """A29, A27: the codes of many attempts contend just as the token itself does."""
    ticket = enlist.register("ada")
    codes = [done(enlist.begin(ticket.token)).code for _ in range(MOST_BEGUN)]
    outcomes = enlist.together(
        [partial(enlist.redeem, code, key=key) for key, code in enumerate(codes)]
    )
    others = MOST_BEGUN - 1
    assert Counter(code(each) for each in outcomes) == {"done": 1, "token_used": others}
    exactly_one_of_everything(enlist, ticket)
    states = Counter(row["state"] for row in enlist.rows("attempt"))
    assert states == {"completed": 1, "open": others}


def test_32_sign_ins_for_one_registered_device_enroll_it_once(enlist: Enlist) -> None:
    """A29, X25, ruling 28: without a token, the device itself is what there is one of."""
    enlist.set(enrollment_mode="registered_only")
    ticket = enlist.register("ada")
    login = ("ada", PASSWORD)
    begun = [done(enlist.begin(group_id="main", login=login)).code for _ in range(8)]
    outcomes = enlist.together(
        [partial(enlist.redeem, code, key=key) for key, code in enumerate(begun)]
    )
    codes = Counter(code(each) for each in outcomes)
    assert codes["done"] == 1
    assert set(codes) <= {"done", "device_not_registered", "token_used", "try_later"}
    exactly_one_of_everything(enlist, ticket)


def test_one_device_that_asks_32_times_at_once_gets_one_certificate(enlist: Enlist) -> None:
    """X23, S20: the same key in parallel: all get the same answer."""
    for number in range(10):
        ticket = enlist.register("ada", name=f"laptop {number}")
        outcomes = enlist.together([partial(enlist.redeem, ticket.token)] * CONTENDERS)
        answers = [done(each) for each in outcomes]
        assert len({answer.certificate for answer in answers}) == 1
        assert {answer.device_id for answer in answers} == {ticket.device_id}
        assert Counter(answer.repeated for answer in answers) == {False: 1, True: 31}
        exactly_one_of_everything(enlist, ticket)


def test_two_servers_agree_on_one_winner(enlist: Enlist) -> None:
    """S13, ruling 18: two processes on one database, thirty-two devices."""
    other = enlist.again()
    ticket = enlist.register("ada")
    outcomes = enlist.together(
        [
            partial((enlist, other)[key % 2].redeem, ticket.token, key=key)
            for key in range(CONTENDERS)
        ]
    )
    assert Counter(code(each) for each in outcomes) == {"done": 1, "token_used": 31}
    exactly_one_of_everything(enlist, ticket)


def test_a_used_token_enrolls_nothing_else(enlist: Enlist) -> None:
    """A28: not with another key, not by its old attempt, not on another day."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    done(enlist.redeem(ticket.token))
    assert code(enlist.redeem(ticket.token, key=1)) == "token_used"
    assert code(enlist.redeem(begun.code, key=1)) == "token_used"
    assert code(enlist.check(ticket.token)) == "token_used"
    assert code(enlist.begin(ticket.token)) == "token_used"
    enlist.clock.advance(hours=30)
    assert code(enlist.redeem(ticket.token, key=1)) == "token_used"
    exactly_one_of_everything(enlist, ticket)


def claim_of(enlist: Enlist, ticket: Ticket, key: int) -> Redemption:
    """The claim of one contender, prepared as the verb prepares it, but not yet applied."""
    caller = enlist.stranger()
    outcome = None
    prepared: list[Redemption] = []

    def hold(_tx: object, claims: list[Redemption]) -> list[bool]:
        prepared.extend(claims)
        return [False for _ in claims]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Redeem, "apply_many", staticmethod(hold))
        outcome = enlist.redeem(ticket.token, key=key, caller=caller)
    assert isinstance(outcome, Refusal)
    return prepared[0]


def test_of_two_contenders_in_one_batch_one_wins(enlist: Enlist) -> None:
    """S22: the second sees what the first did, inside the same transaction."""
    ticket = enlist.register("ada")
    claims = [claim_of(enlist, ticket, key) for key in (0, 1, 2)]
    assert enlist.store.write(lambda tx: redemptions.redeem(tx, claims)) == [True, False, False]
    exactly_one_of_everything(enlist, ticket)


def test_a_token_for_two_uses_is_claimed_twice(enlist: Enlist) -> None:
    """S14, S22, ruling 31: `max_uses` counts in the claim itself."""
    ticket = enlist.register("ada")
    enlist.store.write(lambda tx: tx.run(SET_MAX_USES, id=ticket.enrollment_id, most=2))
    claims = [claim_of(enlist, ticket, key) for key in (0, 1, 2)]

    def twice(claim: Redemption) -> bool:
        """Claim, then free the device: what has many uses will not be bound to one device."""

        def apply(tx: Tx) -> bool:
            won = redemptions.redeem(tx, [claim])[0]
            tx.run(SET_REGISTERED, id=ticket.device_id)
            return won

        return enlist.store.write(apply)

    assert [twice(claim) for claim in claims] == [True, True, False]
    found = enlist.enrollment(ticket.enrollment_id)
    assert (found.state, found.uses) == ("used", 2)
    assert code(enlist.check(ticket.token)) == "token_exhausted"


def test_what_a_claim_relied_on_may_have_changed(enlist: Enlist) -> None:
    """S13: prepared before a revocation, a reissue or a deletion, a claim changes nothing."""
    for end in ("revoke", "reissue", "expire"):
        ticket = enlist.register("ada", name=end)
        claim = claim_of(enlist, ticket, 0)
        if end == "revoke":
            enlist.revoke(ticket.enrollment_id)
        elif end == "reissue":
            enlist.reissue(ticket.enrollment_id)
        else:
            enlist.clock.now = ticket.expires_at
        assert enlist.store.claim(redemptions.redeem, [claim]) == [False]
        assert enlist.device(ticket.device_id).state == "registered"
        assert enlist.credentials_of(ticket.device_id) == []


def test_all_or_nothing(enlist: Enlist) -> None:
    """X25, ASVS 2.3.3: a redemption that fails at its last statement leaves no trace."""
    ticket = enlist.register("ada")
    claim = claim_of(enlist, ticket, 0)
    before = enlist.events()

    class Fault(Exception):
        pass

    def failing(tx: Tx) -> None:
        assert redemptions.redeem(tx, [claim]) == [True]
        raise Fault

    with pytest.raises(Fault):
        enlist.store.write(failing)
    assert enlist.enrollment(ticket.enrollment_id).state == "active"
    assert enlist.device(ticket.device_id).state == "registered"
    assert enlist.credentials_of(ticket.device_id) == []
    assert enlist.events() == before
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_sign_in_that_comes_too_late_leaves_no_device(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X25, X13: what it would have enrolled was made in the same transaction, and is undone."""
    enlist.user("ada")
    late, work = enlist.stranger(), Redeem.work

    def meanwhile(verb: Redeem, tools: Any, caller: Caller, seen: Any) -> Any:
        for _ in range(THROTTLE_REFUSALS):
            enlist.redeem("abcdefghij", caller=late)
        return work(verb, tools, caller, seen)

    monkeypatch.setattr(Redeem, "work", meanwhile)
    outcome = enlist.redeem(group_id="main", login=("ada", PASSWORD), caller=late)
    assert code(outcome) == "rate_limited"
    assert enlist.devices() == ()
    assert enlist.rows("enrollment") == []


def test_another_key_for_a_used_token_is_flagged(enlist: Enlist) -> None:
    """X24, X37, S20: both sources, the device and the time of the first use stand in the log."""
    ticket = enlist.register("ada", name="Ada's laptop")
    first, second = enlist.stranger(), enlist.stranger()
    done(enlist.redeem(ticket.token, caller=first))
    used_at = enlist.clock.now
    enlist.clock.advance(minutes=2)
    assert code(enlist.redeem(ticket.token, key=1, caller=second)) == "token_used"
    (event,) = enlist.events("enrollment.refused", flag="possible_interception")
    assert event.data["first_used_at"] == used_at
    assert event.device_id == ticket.device_id
    assert event.personal["address"] == second.address
    assert event.personal["first_address"] == first.address
    assert event.personal["first_device"] == "Ada's laptop"
    assert event.personal["first_user"] == "ada"


def test_who_merely_looks_at_a_used_token_raises_no_alarm(enlist: Enlist) -> None:
    """X24: only another key means that somebody else may have had it."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token))
    enlist.check(ticket.token)
    enlist.redeem(ticket.token, key=None)
    enlist.redeem(ticket.token, key=0)
    assert enlist.events("enrollment.refused", flag="possible_interception") == []


def test_the_key_that_used_a_token_raises_no_alarm_when_it_comes_again(enlist: Enlist) -> None:
    """X24: late, or after a reset, which revoked its certificate: nobody else had the token."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token))
    enlist.clock.advance(minutes=11)
    assert code(enlist.redeem(ticket.token)) == "token_used"
    enlist.do(Reset(ticket.device_id, "lost", SHOWN))
    assert code(enlist.redeem(ticket.token)) == "token_used"
    assert enlist.events("enrollment.refused", flag="possible_interception") == []
    assert code(enlist.redeem(ticket.token, key=1)) == "token_used"
    assert len(enlist.events("enrollment.refused", flag="possible_interception")) == 1


def test_a_lost_race_is_flagged_like_a_late_device(enlist: Enlist) -> None:
    """X24: whoever came at the same moment with another key may be the thief, or the victim."""
    ticket = enlist.register("ada")
    outcomes: list[Done[Enrolled] | Refusal] = enlist.together(
        [partial(enlist.redeem, ticket.token, key=csr(key)) for key in range(4)]
    )
    assert Counter(code(each) for each in outcomes) == {"done": 1, "token_used": 3}
    assert len(enlist.events("enrollment.refused", flag="possible_interception")) == 3
