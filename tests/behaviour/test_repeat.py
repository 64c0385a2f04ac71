"""An answer was lost: the same device asks again, and gets the same answer."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from enlist.core.clock import MINUTE
from enlist.core.events import Happening
from enlist.core.ids import new_id
from enlist.core.outcomes import Done
from enlist.core.secrets import Kind, Secret
from enlist.pki.csr import Csr, parse
from enlist.store.limits import IdempotencyKey
from enlist.store.redemptions import DeviceReport, Redemption
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.repeating import Enrolled, is_own
from enlist.verbs.together import Together
from tests.installation import PASSWORD, Enlist, Outcome, Ticket, code, done
from tests.requests import request_pem


def test_the_same_request_again_gets_the_same_certificate(enlist: Enlist) -> None:
    """X23, S20: no second device, no second certificate, and the log says it was a repeat."""
    ticket = enlist.register("ada")
    first = done(enlist.redeem(ticket.token))
    again = done(enlist.redeem(ticket.token))
    assert (again.certificate, again.device_id) == (first.certificate, first.device_id)
    assert (first.repeated, again.repeated) == (False, True)
    assert len(enlist.credentials_of(ticket.device_id)) == 1
    assert len(enlist.events("enrollment.repeated", enrollment=ticket.enrollment_id)) == 1


def test_the_same_key_in_a_new_request_is_the_same_device(enlist: Enlist) -> None:
    """Ruling 25: an agent that lost its answer signs a new request with the key it kept."""
    ticket = enlist.register("ada")
    first = done(enlist.redeem(ticket.token, key=3))
    fresh = parse(request_pem(3))
    assert isinstance(fresh, Csr)
    assert done(enlist.redeem(ticket.token, key=fresh)).certificate == first.certificate


def test_a_repeat_by_the_attempts_code_gets_the_same_certificate(enlist: Enlist) -> None:
    """X23, ruling 24: whichever secret it came with."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    first = done(enlist.redeem(begun.code))
    assert done(enlist.redeem(begun.code)).certificate == first.certificate
    assert done(enlist.redeem(ticket.token)).certificate == first.certificate


@pytest.mark.parametrize(
    ("late", "answer"), [(10 * MINUTE - 1, "done"), (10 * MINUTE, "token_used")]
)
def test_a_lost_answer_can_be_had_for_ten_minutes(enlist: Enlist, late: int, answer: str) -> None:
    """X23: afterwards the token is simply used."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token))
    enlist.clock.now += late
    assert code(enlist.redeem(ticket.token)) == answer


def test_a_repeat_after_the_token_would_have_expired_is_still_answered(enlist: Enlist) -> None:
    """X23: what counts is when it was used, not when it would have ended."""
    ticket = enlist.register("ada")
    enlist.clock.now = ticket.expires_at - 1
    first = done(enlist.redeem(ticket.token))
    enlist.clock.advance(minutes=5)
    assert done(enlist.redeem(ticket.token)).certificate == first.certificate


def test_a_deleted_device_gets_nothing_again(enlist: Enlist) -> None:
    """A37, X23: the certificate was revoked; its answer is gone with it."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token))
    enlist.do(DeleteDevice(ticket.device_id))
    assert code(enlist.redeem(ticket.token)) == "token_invalid"


def test_a_sign_in_that_repeats_itself_makes_no_second_device(enlist: Enlist) -> None:
    """X23, ruling 21: there is no token to know it by, but there is the key."""
    enlist.user("ada")
    login = ("ada", PASSWORD)
    first = done(enlist.redeem(group_id="main", login=login))
    again = done(enlist.redeem(group_id="main", login=login))
    assert (again.certificate, again.repeated) == (first.certificate, True)
    assert len(enlist.devices()) == 1
    assert not done(enlist.redeem(group_id="main", login=login, key=1)).repeated
    assert len(enlist.devices()) == 2


@pytest.mark.parametrize("key", [0, None], ids=["certificate", "bare"])
def test_a_repeated_sign_in_whose_device_was_deleted_enrolls_another(
    enlist: Enlist, key: int | None
) -> None:
    """Ruling 25: what is gone cannot be answered again, and stands in nobody's way."""
    enlist.set(allow_bare_enrollment=True)
    enlist.user("ada")
    same, other = (IdempotencyKey("ada at main", "1", request) for request in (b"1", b"2"))

    def redeem(known: IdempotencyKey = same) -> Outcome[Enrolled]:
        login = ("ada", PASSWORD)
        return enlist.redeem(group_id="main", login=login, key=key, idempotency=known)

    first = done(redeem())
    assert done(redeem()).repeated
    enlist.do(DeleteDevice(first.device_id))
    assert code(redeem(other)) == "idempotency_key_reused"
    second = done(redeem())
    assert (second.repeated, second.device_id != first.device_id) == (False, True)
    again = done(redeem())
    assert (again.repeated, again.device_id) == (True, second.device_id)


def test_a_lost_claim_whose_key_made_what_is_gone_is_refused_at_once(enlist: Enlist) -> None:
    """It is no repeat of its own: looking again would find the same, five times."""
    enlist.set(allow_bare_enrollment=True)
    enlist.user("ada")
    same = IdempotencyKey("ada at main", "1", b"1")
    login = ("ada", PASSWORD)
    first = done(enlist.redeem(group_id="main", login=login, key=None, idempotency=same))
    enlist.do(DeleteDevice(first.device_id))
    claim = Redemption(
        enrollment_id=new_id(enlist.clock()),
        generation=1,
        device_id=first.device_id,
        attempt_id=None,
        report=DeviceReport(),
        certificate=None,
        happening=Happening("enrollment.redeemed"),
        caller=enlist.stranger(),
        idempotency=same,
    )
    assert not enlist.store.read(lambda tx: is_own(tx, claim))


def idempotency(enlist: Enlist, ticket: Ticket, key: str, request: bytes) -> IdempotencyKey:
    """As the API makes it: on public routes the caller is the presented secret (ruling 25)."""
    keys = enlist.installation.tools.keys
    digest = keys.digest(Kind.IDEMPOTENCY, Secret(ticket.token.reveal()))
    return IdempotencyKey(digest.value.hex(), key, request)


def test_an_idempotency_key_recognises_a_bare_enrollment(enlist: Enlist) -> None:
    """Ruling 22: without a certificate there is no key to know the device by."""
    enlist.set(allow_bare_enrollment=True)
    ticket = enlist.register("ada")
    key = idempotency(enlist, ticket, "k", b"1")
    first = done(enlist.redeem(ticket.token, key=None, idempotency=key))
    again = done(enlist.redeem(ticket.token, key=None, idempotency=key))
    assert (first.certificate, again.certificate) == ("", "")
    assert (again.device_id, again.repeated) == (ticket.device_id, True)
    assert code(enlist.redeem(ticket.token, key=None)) == "token_used"


def test_of_repeats_at_the_same_moment_one_enrolls_and_all_are_answered(enlist: Enlist) -> None:
    """Rulings 22, 25: a proxy that sends again does not wait for the first answer."""
    enlist.set(allow_bare_enrollment=True)
    ticket = enlist.register("ada")
    key = idempotency(enlist, ticket, "k", b"1")
    verb = Redeem(Presented(ticket.token), DeviceReport(platform="linux"), None, key)
    asked = [(verb, enlist.stranger()) for _ in range(3)]
    answers = Together(enlist.driver, enlist.store).perform(asked)
    assert [code(each) for each in answers] == ["done"] * 3
    assert len(enlist.events("enrollment.redeemed", enrollment=ticket.enrollment_id)) == 1
    assert not enlist.events("enrollment.refused")


def test_sign_ins_with_one_idempotency_key_at_the_same_moment_enroll_one_device(
    enlist: Enlist,
) -> None:
    """Rulings 21, 25: there is no token whose use would stop the second."""
    enlist.set(allow_bare_enrollment=True)
    enlist.user("ada")
    key = IdempotencyKey("ada at main", "1", b"1")

    def redeem() -> Outcome[Enrolled]:
        login = ("ada", PASSWORD)
        return enlist.redeem(group_id="main", login=login, key=None, idempotency=key)

    answers = enlist.together([redeem] * 8)
    enrolled = {each.value.device_id for each in answers if isinstance(each, Done)}
    assert len(enrolled) == len(enlist.devices()) == 1


def test_a_sign_in_that_its_repeat_overtakes_enrolls_no_second_device(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rulings 21, 25: the first was about to be claimed when the repeat was answered."""
    enlist.set(allow_bare_enrollment=True)
    enlist.user("ada")
    key, login = IdempotencyKey("ada at main", "1", b"1"), ("ada", PASSWORD)
    redeem = partial(enlist.redeem, group_id="main", login=login, key=None, idempotency=key)
    claim, repeats = enlist.store.claim, [redeem]
    overtaking: list[Enrolled] = []

    def overtaken(*given: Any) -> Any:
        while repeats:
            overtaking.append(done(repeats.pop()()))
        return claim(*given)

    monkeypatch.setattr(enlist.store, "claim", overtaken)
    late = done(redeem())
    assert [(late.repeated, late.device_id)] == [(True, each.device_id) for each in overtaking]
    assert len(enlist.devices()) == 1


def test_an_idempotency_key_with_another_request_is_refused(enlist: Enlist) -> None:
    """S20, ruling 25."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token, idempotency=idempotency(enlist, ticket, "k", b"1")))
    other = idempotency(enlist, ticket, "k", b"2")
    assert code(enlist.redeem(ticket.token, idempotency=other)) == "idempotency_key_reused"


def test_another_key_behind_the_same_idempotency_key_is_flagged(enlist: Enlist) -> None:
    """S20, X24: whoever read the message may guess what the agent called its request, too."""
    ticket = enlist.register("ada")
    first, second = enlist.stranger(), enlist.stranger()
    done(enlist.redeem(ticket.token, idempotency=idempotency(enlist, ticket, "k", b"1")))
    other = idempotency(enlist, ticket, "k", b"2")
    again = enlist.redeem(ticket.token, idempotency=other, caller=first)
    assert code(again) == "idempotency_key_reused"
    assert enlist.events("enrollment.refused", flag="possible_interception") == []
    stolen = enlist.redeem(ticket.token, key=1, idempotency=other, caller=second)
    assert code(stolen) == "idempotency_key_reused"
    (event,) = enlist.events("enrollment.refused", flag="possible_interception")
    assert event.device_id == ticket.device_id
    assert event.personal["address"] == second.address


def test_an_idempotency_key_is_forgotten_after_ten_minutes(enlist: Enlist) -> None:
    """Ruling 25: for redeem ten minutes, and to the microsecond."""
    enlist.set(allow_bare_enrollment=True)
    ticket = enlist.register("ada")
    key = idempotency(enlist, ticket, "k", b"1")
    done(enlist.redeem(ticket.token, key=None, idempotency=key))
    enlist.clock.now += 10 * MINUTE - 1
    assert code(enlist.redeem(ticket.token, key=None, idempotency=key)) == "done"
    enlist.clock.now += 1
    assert code(enlist.redeem(ticket.token, key=None, idempotency=key)) == "token_used"


def test_an_idempotency_key_of_a_refused_request_may_be_used_again(enlist: Enlist) -> None:
    """Ruling 25: what made nothing is not remembered."""
    ticket = enlist.register("ada")
    key = idempotency(enlist, ticket, "k", b"1")
    assert code(enlist.redeem(ticket.token, platform="ios", idempotency=key)) == "platform_mismatch"
    other = idempotency(enlist, ticket, "k", b"2")
    assert code(enlist.redeem(ticket.token, idempotency=other)) == "done"


def test_an_idempotency_key_tells_strangers_nothing(enlist: Enlist) -> None:
    """Ruling 8: whoever guesses the key and the password learns as little as by the password."""
    enlist.user("ada")
    own, other = (IdempotencyKey("ada at main", "1", request) for request in (b"1", b"2"))
    done(enlist.redeem(group_id="main", login=("ada", PASSWORD), idempotency=own))
    source = enlist.stranger()
    wrong = enlist.redeem(group_id="main", login=("ada", "wrong"), idempotency=other, caller=source)
    assert code(wrong) == "credentials_invalid"
    (counted,) = enlist.rows("throttle", source=source.address)
    assert counted["refused"] == 1
    enlist.clock.advance(minutes=1)
    right = enlist.redeem(group_id="main", login=("ada", PASSWORD), idempotency=other)
    assert code(right) == "idempotency_key_reused"
