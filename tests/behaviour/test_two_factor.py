"""Two factors: the token and the login of the very user that it was made for."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from enlist.store.wrong_logins import MOST as MOST_WRONG_LOGINS
from enlist.verbs.users import SetUserState
from tests.installation import PASSWORD, Enlist, Login, Ticket, code, done, refusal
from tests.requests import csr, tampered

ADA = ("ada", PASSWORD)
WRONG = ("ada", "not her password")


@pytest.fixture
def ticket(enlist: Enlist) -> Ticket:
    """Ada's laptop, where two factors are asked; Eve has an account, too."""
    enlist.set(token_type="two_factor")
    enlist.user("eve")
    return enlist.register("ada")


@dataclass(frozen=True)
class Case:
    """One row of the matrix: which token, whose login, and what comes of it."""

    token: str
    login: Login | None
    answer: str


MATRIX = [
    Case("right", ADA, "done"),
    Case("right", ("ADA", PASSWORD), "done"),
    Case("right", WRONG, "credentials_invalid"),
    Case("right", ("nobody", PASSWORD), "credentials_invalid"),
    Case("right", ("", PASSWORD), "credentials_invalid"),
    Case("right", ("ada", ""), "credentials_invalid"),
    Case("right", ("eve", PASSWORD), "wrong_user"),
    Case("right", ("eve", "wrong"), "credentials_invalid"),
    Case("right", None, "token_invalid"),
    Case("wrong", ADA, "credentials_invalid"),
    Case("wrong", WRONG, "credentials_invalid"),
    Case("wrong", None, "token_invalid"),
    Case("malformed", ADA, "credentials_invalid"),
    Case("malformed", None, "token_invalid"),
]


@pytest.mark.parametrize("case", MATRIX, ids=lambda case: f"{case.token}-{case.login}")
@pytest.mark.parametrize("verb", ["check", "begin", "redeem"])
def test_matrix(enlist: Enlist, ticket: Ticket, case: Case, verb: str) -> None:
    """A04, ruling 8: only both right succeeds; whatever fails leaves the token active."""
    tokens = {"right": ticket.token.reveal(), "wrong": "x" * 10, "malformed": "?"}
    present = getattr(enlist, verb)
    assert code(present(tokens[case.token], login=case.login)) == case.answer
    if case.answer != "done":
        assert enlist.enrollment(ticket.enrollment_id).state == "active"
        assert enlist.device(ticket.device_id).state == "registered"
        assert code(enlist.redeem(ticket.token, login=ADA)) == "done"


def test_a_disabled_user_is_told_what_a_stranger_is_told(enlist: Enlist, ticket: Ticket) -> None:
    """A04, ruling 8: his right password proves nothing any more."""
    enlist.do(SetUserState("ada", "disabled"))
    assert code(enlist.redeem(ticket.token, login=ADA)) == "credentials_invalid"


def test_whoever_proved_himself_at_the_beginning_is_not_asked_again(
    enlist: Enlist, ticket: Ticket
) -> None:
    """Ruling 24: the attempt carries the user, so that the device needs no password."""
    begun = done(enlist.begin(ticket.token, login=ADA))
    assert code(enlist.redeem(begun.code)) == "done"


def test_an_attempt_begun_before_two_factors_were_asked_does_not_get_round_them(
    enlist: Enlist,
) -> None:
    """Ruling 27: the token type in force at redemption counts."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    enlist.set(token_type="two_factor")
    assert code(enlist.redeem(begun.code)) == "token_invalid"
    assert code(enlist.redeem(begun.code, login=ADA)) == "done"


def test_the_type_in_force_at_redemption_counts(enlist: Enlist, ticket: Ticket) -> None:
    """Ruling 27: back to single factor, and the token alone is enough."""
    enlist.set(token_type="single_factor")
    assert code(enlist.redeem(ticket.token)) == "done"


def test_ten_wrong_logins_revoke_the_token(enlist: Enlist, ticket: Ticket) -> None:
    """Ruling 26: then nobody gets in, not even with everything right; the reason is kept."""
    assert MOST_WRONG_LOGINS == 10
    for number in range(MOST_WRONG_LOGINS):
        assert enlist.enrollment(ticket.enrollment_id).state == "active"
        assert code(enlist.redeem(ticket.token, login=("ada", f"guess {number}"))) == (
            "credentials_invalid"
        )
    found = enlist.enrollment(ticket.enrollment_id)
    assert (found.state, found.end_reason) == ("revoked", "too_many_attempts")
    assert code(enlist.redeem(ticket.token, login=ADA)) == "token_revoked"
    assert len(enlist.events("enrollment.revoked", enrollment=ticket.enrollment_id)) == 1


def test_right_logins_in_between_are_no_guesses(enlist: Enlist, ticket: Ticket) -> None:
    """Ruling 26, S17: after nine wrong ones, the right one may still come to nothing first."""
    for _ in range(MOST_WRONG_LOGINS - 1):
        enlist.redeem(ticket.token, login=WRONG)
    for _ in range(3):
        assert code(enlist.check(ticket.token, login=ADA)) == "done"
        assert code(enlist.redeem(ticket.token, login=ADA, key=None)) == "completion_required"
    assert code(enlist.redeem(ticket.token, login=ADA)) == "done"


@pytest.mark.parametrize("what", ["no request", "bad request", "other platform", "other user"])
def test_right_logins_never_use_up_the_guesses(enlist: Enlist, ticket: Ticket, what: str) -> None:
    """S17, ruling 26: what fails after the login was right does not burn the token."""
    for _ in range(MOST_WRONG_LOGINS + 2):
        if what == "no request":
            outcome = enlist.redeem(ticket.token, login=ADA, key=None)
        elif what == "bad request":
            outcome = enlist.redeem(ticket.token, login=ADA, key=tampered())
        elif what == "other platform":
            outcome = enlist.redeem(ticket.token, login=ADA, platform="windows")
        else:
            outcome = enlist.redeem(ticket.token, login=("eve", PASSWORD))
        assert code(outcome) in {
            "completion_required",
            "csr_invalid",
            "platform_mismatch",
            "wrong_user",
        }
    assert enlist.sighting(ticket).wrong_logins == 0
    assert code(enlist.redeem(ticket.token, login=ADA)) == "done"


def test_parallel_guesses_cannot_outrun_the_cap(enlist: Enlist, ticket: Ticket) -> None:
    """Ruling 26, S18: of thirty guesses at once, ten are compared; the token is dead after."""
    verified = []
    passwords = enlist.installation.tools.passwords
    compare = passwords.verify

    def counting(stored: str | None, password: object) -> bool:
        verified.append(stored is not None)
        return compare(stored, password)  # type: ignore[arg-type]

    passwords.verify = counting  # type: ignore[method-assign]
    guesses = [
        lambda number=number: enlist.redeem(ticket.token, login=("ada", f"guess {number}"))
        for number in range(30)
    ]
    assert {code(outcome) for outcome in enlist.together(guesses)} <= {
        "credentials_invalid",
        "token_revoked",
    }
    on_the_dead_token = 1  # by then the account itself counts, and lets one through
    assert sum(verified) <= MOST_WRONG_LOGINS + on_the_dead_token
    assert enlist.enrollment(ticket.enrollment_id).end_reason == "too_many_attempts"
    assert code(enlist.redeem(ticket.token, login=ADA)) != "done"


@pytest.mark.parametrize("end", ["used", "revoked"])
def test_a_dead_token_is_no_way_round_the_accounts_delay(
    enlist: Enlist, ticket: Ticket, end: str
) -> None:
    """S18, X20: wrong passwords given with it count against the account they are tried on."""
    if end == "used":
        done(enlist.redeem(ticket.token, login=ADA))
    else:
        enlist.revoke(ticket.enrollment_id)
    for _ in range(3):
        assert code(enlist.redeem(ticket.token, login=WRONG, key=1)) == "credentials_invalid"
    assert code(enlist.redeem(ticket.token, login=ADA, key=1)) == "credentials_invalid"
    enlist.clock.advance(seconds=2)
    assert code(enlist.redeem(ticket.token, login=ADA, key=1)) == f"token_{end}"


def test_a_right_login_is_never_counted_against_the_source(enlist: Enlist, ticket: Ticket) -> None:
    """Ruling 26: a holder gave the token and the right login; wrong logins count."""
    holder = enlist.stranger()
    for _ in range(12):
        outcome = enlist.redeem(ticket.token, login=ADA, platform="windows", caller=holder)
        assert code(outcome) == "platform_mismatch"
    assert enlist.rows("throttle", source=holder.address) == []


def test_the_log_knows_what_the_answer_hides(enlist: Enlist, ticket: Ticket) -> None:
    """X13: unknown user, wrong password and disabled user are told apart for staff alone."""
    enlist.redeem(ticket.token, login=WRONG)
    enlist.redeem(ticket.token, login=("nobody", PASSWORD))
    enlist.do(SetUserState("ada", "disabled"))
    enlist.redeem(ticket.token, login=ADA)
    reasons = {event.data["reason"] for event in enlist.events("enrollment.refused")}
    assert reasons == {"wrong password", "unknown user", "disabled user"}


def test_a_used_token_still_needs_its_login_to_speak(enlist: Enlist, ticket: Ticket) -> None:
    """X13: what became of the token is told to its holder alone."""
    assert code(enlist.redeem(ticket.token, login=ADA)) == "done"
    assert code(enlist.redeem(ticket.token, key=1)) == "token_invalid"
    assert code(enlist.redeem(ticket.token, login=WRONG, key=1)) == "credentials_invalid"
    enlist.clock.advance(seconds=2)
    assert code(enlist.redeem(ticket.token, login=ADA, key=1)) == "token_used"
    assert refusal(enlist.redeem(ticket.token, login=ADA, key=csr(1))).at is not None


def test_an_attempt_begun_by_somebody_else_is_no_second_factor(enlist: Enlist) -> None:
    """Under one factor any login may stand beside a token; two factors ask for the owner's."""
    enlist.user("ada", password=PASSWORD)
    enlist.user("eve", password=PASSWORD)
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token, login=("eve", PASSWORD)))
    enlist.set(token_type="two_factor")
    assert code(enlist.redeem(begun.code)) == "token_invalid"
    assert code(enlist.redeem(begun.code, login=("ada", PASSWORD))) == "done"
