"""Attempts: begun and not finished, cancelled, run out. None of it touches the token."""

from __future__ import annotations

import pytest

from enlist.core.clock import HOUR, MINUTE
from enlist.core.secrets import Secret
from enlist.store import attempts
from enlist.verbs.begin import Begun
from enlist.verbs.staff import EndSignInsOf, SetPassword
from tests.installation import PASSWORD, Enlist, Outcome, code, done, refusal

ADA = ("ada", PASSWORD)


def test_looking_and_beginning_consume_nothing(enlist: Enlist) -> None:
    """X01, S33, A27: ten looks and ten attempts from everywhere, and then the real one."""
    ticket = enlist.register("ada")
    before = enlist.rows("enrollment", id=ticket.enrollment_id)
    for _ in range(10):
        done(enlist.check(ticket.token))
        done(enlist.begin(ticket.token))
    assert enlist.rows("enrollment", id=ticket.enrollment_id) == before
    assert enlist.device(ticket.device_id).state == "registered"
    assert enlist.rows("credential") == []
    assert enlist.rows("sign_in") == []
    assert code(enlist.redeem(ticket.token)) == "done"


def test_what_a_token_is_for_is_told_before_anything_happens(enlist: Enlist) -> None:
    """A23, ruling 23: whom, what, until when."""
    ticket = enlist.register("ada", name="Ada's laptop", platform="macos")
    purpose = done(enlist.check(ticket.token, platform="macos"))
    assert purpose.organization.group_id == "main"
    assert (purpose.username, purpose.device_name, purpose.platform) == (
        "ada",
        "Ada's laptop",
        "macos",
    )
    assert purpose.expires_at == ticket.expires_at
    assert purpose.next == "certificate"


def test_on_another_platform_one_is_sent_to_the_right_device(enlist: Enlist) -> None:
    """Ruling 24, 30: beginning there is fine, and consumes nothing."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token, platform="ios"))
    assert begun.purpose.next == "other_device"
    assert code(enlist.redeem(begun.code, platform="linux")) == "done"


def test_an_unfinished_attempt_leaves_the_token_usable_elsewhere(enlist: Enlist) -> None:
    """A27: begun on one device, finished on another; one device is enrolled."""
    ticket = enlist.register("ada")
    abandoned = done(enlist.begin(ticket.token))
    enlist.clock.now += 10 * MINUTE
    finished = done(enlist.begin(ticket.token))
    assert code(enlist.redeem(finished.code)) == "done"
    assert code(enlist.redeem(abandoned.code, key=1)) == "token_used"
    states = {row["id"]: row["state"] for row in enlist.rows("attempt")}
    assert states == {abandoned.attempt_id: "open", finished.attempt_id: "completed"}


@pytest.mark.parametrize("way", ["token", "sign-in"])
def test_attempts_do_not_pile_up_without_end(enlist: Enlist, way: str) -> None:
    """X15: thirty in ten minutes, then a time to wait; the token itself is never kept waiting."""
    ticket, other = enlist.register("ada"), enlist.register("ada", name="other")

    def begin() -> Outcome[Begun]:
        if way == "token":
            return enlist.begin(ticket.token)
        return enlist.begin(group_id="main", login=ADA)

    assert [code(begin()) for _ in range(31)] == ["done"] * 30 + ["rate_limited"]
    assert refusal(begin()).retry_after == 600
    assert len(enlist.rows("attempt")) == len(enlist.events("attempt.started")) == 30
    assert enlist.events("enrollment.refused") == []
    assert code(enlist.begin(other.token)) == "done"
    assert code(enlist.check(ticket.token)) == "done"
    enlist.clock.now += 10 * MINUTE
    assert code(begin()) == "done"
    assert code(enlist.redeem(ticket.token)) == "done"


def test_looking_without_end_is_answered_and_not_written_down(enlist: Enlist) -> None:
    """X15: sixty checks of a token in an hour are enough to read in the log."""
    ticket = enlist.register("ada")
    for _ in range(70):
        assert code(enlist.check(ticket.token)) == "done"
    assert len(enlist.events("enrollment.checked")) == 60
    enlist.clock.now += HOUR
    done(enlist.check(ticket.token))
    assert len(enlist.events("enrollment.checked")) == 61


def test_whoever_has_no_token_uses_up_nothing(enlist: Enlist) -> None:
    """A27: neither with a guess nor with half of what is asked."""
    enlist.set(token_type="two_factor")
    ticket = enlist.register("ada")
    for _ in range(40):
        enlist.begin("abcdefghij")
        enlist.begin(ticket.token)
        enlist.cancel("0" * 32, Secret("BCDF-GHJK-L"))
    assert code(enlist.begin(ticket.token, login=ADA)) == "done"


def test_a_code_lives_ten_minutes(enlist: Enlist) -> None:
    """Ruling 24, X55: to the microsecond; the token lives on."""
    ticket = enlist.register("ada")
    in_time, late = done(enlist.begin(ticket.token)), done(enlist.begin(ticket.token))
    assert in_time.expires_at == enlist.clock.now + 10 * MINUTE
    enlist.clock.now = late.expires_at
    assert code(enlist.redeem(late.code)) == "attempt_over"
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_code_works_until_its_last_microsecond(enlist: Enlist) -> None:
    """Ruling 24."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    enlist.clock.now = begun.expires_at - 1
    assert code(enlist.redeem(begun.code)) == "done"


def test_half_finished_attempts_are_listed_with_their_age(enlist: Enlist) -> None:
    """X55: newest first, with state, start and end."""
    ticket = enlist.register("ada")
    first = done(enlist.begin(ticket.token))
    enlist.clock.now += MINUTE
    second = done(enlist.begin(ticket.token))
    enlist.cancel(first.attempt_id, first.code)
    listed = enlist.store.read(lambda tx: attempts.of_device(tx, ticket.device_id))
    assert [(each.id, each.state) for each in listed] == [
        (second.attempt_id, "open"),
        (first.attempt_id, "cancelled"),
    ]
    assert listed[0].started_at == enlist.clock.now


def test_a_cancelled_attempt_is_over_and_the_token_is_not(enlist: Enlist) -> None:
    """A27: cancelling stands in the device's timeline."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    done(enlist.cancel(begun.attempt_id, begun.code))
    assert code(enlist.cancel(begun.attempt_id, begun.code)) == "attempt_over"
    assert code(enlist.redeem(begun.code)) == "attempt_over"
    (event,) = enlist.events("attempt.cancelled")
    assert (event.enrollment_id, event.device_id) == (ticket.enrollment_id, ticket.device_id)
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_completed_attempt_cannot_be_cancelled(enlist: Enlist) -> None:
    """A28."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    done(enlist.redeem(begun.code))
    assert code(enlist.cancel(begun.attempt_id, begun.code)) == "attempt_over"


def test_an_attempt_is_known_by_its_code_alone(enlist: Enlist) -> None:
    """Ruling 24: its id, a token or another attempt's code open nothing."""
    ticket = enlist.register("ada")
    mine, other = done(enlist.begin(ticket.token)), done(enlist.begin(ticket.token))
    for wrong in (ticket.token, other.code, Secret(mine.attempt_id), Secret("")):
        assert code(enlist.cancel(mine.attempt_id, wrong)) == "token_invalid"
        assert code(enlist.redeem(wrong, attempt_id=mine.attempt_id)) == "token_invalid"
    assert code(enlist.redeem(mine.code, attempt_id=mine.attempt_id)) == "done"


def test_a_code_may_be_typed_as_people_type(enlist: Enlist) -> None:
    """A24, S09: spaces, hyphens and small letters make no difference."""
    ticket = enlist.register("ada")
    for typed in (
        lambda text: text.lower(),
        lambda text: text.replace("-", ""),
        lambda text: f"  {text.replace('-', ' ')}\n",
        lambda text: text.replace("-", "\u2011"),
    ):
        begun = done(enlist.begin(ticket.token))
        assert code(enlist.check(typed(begun.code.reveal()))) == "done"


def test_a_token_may_be_typed_with_spaces_and_hyphens(enlist: Enlist) -> None:
    """A24: the result is the link's; letters keep their case."""
    ticket = enlist.register("ada")
    text = ticket.token.reveal()
    assert code(enlist.check(f" {text[:4]} {text[4:7]}-{text[7:]}\t")) == "done"
    assert code(enlist.check(text.swapcase())) == "token_invalid"


def test_a_reissue_ends_the_attempts_of_the_old_token(enlist: Enlist) -> None:
    """A41, ruling 2: whoever began with the replaced token is told so."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    enlist.clock.now += MINUTE
    enlist.reissue(ticket.enrollment_id)
    assert refusal(enlist.redeem(begun.code)).code == "token_replaced"


def test_an_attempt_by_sign_in_needs_no_password_at_its_end(enlist: Enlist) -> None:
    """Ruling 21, 24: begun on the page with Group ID and login, finished by the device's code."""
    enlist.user("ada")
    begun = done(enlist.begin(group_id="main", login=ADA))
    assert begun.purpose.username == "ada"
    enrolled = done(enlist.redeem(begun.code))
    assert enlist.device(enrolled.device_id).username == "ada"
    (made,) = enlist.enrollments_of(enrolled.device_id)
    assert (made.grant, enlist.rows("enrollment_secret")) == ("sign_in", []), "it has no secret"
    assert done(enlist.redeem(begun.code)).device_id == enrolled.device_id
    assert code(enlist.redeem(begun.code, key=1)) != "done"
    assert len(enlist.devices()) == 1


@pytest.mark.parametrize("way", ["another password", "signed out"])
def test_a_thief_of_a_password_cannot_finish_what_he_began(enlist: Enlist, way: str) -> None:
    """S54: his sign-ins end, and so must what he could turn into a device without a password."""
    user, ticket = enlist.user("ada"), enlist.register("grace")
    begun = done(enlist.begin(group_id="main", login=ADA))
    by_token = done(enlist.begin(ticket.token))
    if way == "signed out":
        enlist.do(EndSignInsOf(user.id))
    else:
        enlist.do(SetPassword(user.id, Secret("another long password")))
        enlist.do(SetPassword("grace", Secret("another long password")))
    assert code(enlist.redeem(begun.code)) == "attempt_over"
    assert code(enlist.redeem(by_token.code)) == "done", "it was begun without a login"
    assert [each.id for each in enlist.devices()] == [ticket.device_id]


def test_an_attempt_by_sign_in_runs_out_as_any_other(enlist: Enlist) -> None:
    """Ruling 24."""
    enlist.user("ada")
    begun = done(enlist.begin(group_id="main", login=ADA))
    enlist.clock.now = begun.expires_at
    assert code(enlist.redeem(begun.code)) == "attempt_over"
