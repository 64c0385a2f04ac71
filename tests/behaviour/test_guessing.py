"""Guessing a password: each wrong one doubles the time to the next, whoever the name belongs to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from enlist.core.caller import SYSTEM, Caller
from enlist.core.clock import DAY, HOUR, SECOND
from enlist.core.model import UserState
from enlist.core.secrets import Secret
from enlist.store import limits, users
from enlist.store.tx import Tx
from enlist.verbs.driver import AnyVerb
from enlist.verbs.passwords import Busy, Passwords
from enlist.verbs.sign_in import ConfirmSignIn, StartSignIn
from enlist.verbs.staff import SetPassword
from enlist.verbs.sweep import Sweep
from enlist.verbs.users import DeleteUser, SetUserState
from tests.installation import PASSWORD, Enlist, code, done, refusal
from tests.peers.base import DEADLINE

WRONG = "not her password"


def sign_in(
    enlist: Enlist, username: str, password: str = WRONG, caller: Caller | None = None
) -> tuple[str, int | None]:
    """How signing in ended, and for how long to wait; from somewhere new unless told."""
    outcome = enlist.perform(StartSignIn(username, Secret(password)), caller or enlist.stranger())
    ended = code(outcome)
    return ended, None if ended == "done" else refusal(outcome).retry_after


def test_unknown_names_are_delayed_like_known_ones(enlist: Enlist) -> None:
    """S07, S18: to the second, up to the hour, also after a sweep and after a quiet day."""
    enlist.user("ada")
    waited = []
    for _ in range(14):
        assert sign_in(enlist, "ada") == sign_in(enlist, "Nobody") == ("sign_in_failed", None)
        ended, wait = sign_in(enlist, "ada")
        assert sign_in(enlist, "nobody") == (ended, wait)
        assert ended == "sign_in_delayed"
        assert wait is not None
        waited.append(wait)
        enlist.clock.now += wait * SECOND
        enlist.do(Sweep(), SYSTEM)
    assert waited == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]
    enlist.clock.now += DAY
    enlist.do(Sweep(), SYSTEM)
    for name in ("ada", "NOBODY"):
        assert sign_in(enlist, name)[0] == "sign_in_failed"
        assert sign_in(enlist, name) == ("sign_in_delayed", 1)


def test_what_was_typed_is_not_kept(enlist: Enlist) -> None:
    """S29: a password that was typed as a name would stand in the database, to be read."""
    sign_in(enlist, "correct horse")
    rows = [row for row in enlist.rows("throttle") if row["source"].startswith(limits.LOGIN)]
    assert len(rows) == 1
    assert "horse" not in str(rows)


def test_waiting_is_no_event(enlist: Enlist) -> None:
    """Ruling 11: strangers must not fill the log with names that nobody has."""
    for _ in range(20):
        sign_in(enlist, "nobody")
    assert len(enlist.events("sign_in.refused")) == 1


@pytest.mark.parametrize("way", ["form", "confirm", "own password", "group id", "token"])
def test_nothing_is_counted_when_nothing_was_compared(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """S45: too many sign-ins at once are the server's trouble, and nobody's wrong password."""
    enlist.set(token_type="two_factor")
    enlist.user("eve")
    ada, ticket = enlist.caller(enlist.user("ada")), enlist.register("ada")
    proved = done(enlist.perform(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger()))
    ada = Caller(ada.kind, id=ada.id, name="ada", sign_in_id=proved.sign_in.id)

    def attempt() -> object:
        if way == "form":
            return sign_in(enlist, "ada", PASSWORD)[0]
        if way == "confirm":
            return code(enlist.perform(ConfirmSignIn(Secret(PASSWORD)), ada))
        if way == "own password":
            verb = SetPassword("", Secret("another good one"), Secret(PASSWORD))
            return code(enlist.perform(verb, ada))
        if way == "group id":
            return code(enlist.begin(group_id="main", login=("ada", PASSWORD)))
        return code(enlist.redeem(ticket.token, login=("eve", PASSWORD)))

    def busy(*_: object) -> bool:
        raise Busy

    with monkeypatch.context() as patch:
        patch.setattr(enlist.installation.tools.passwords, "verify", busy)
        for _ in range(3):
            with pytest.raises(Busy):
                attempt()
    assert {row["refused"] for row in enlist.rows("throttle")} <= {0}
    assert enlist.sighting(ticket).wrong_logins == 0
    assert attempt() == ("wrong_user" if way == "token" else "done")


def test_a_stranger_does_not_lock_out_whoever_signs_in_where_he_always_does(
    enlist: Enlist,
) -> None:
    """X20: from her own network she is delayed by tries from there alone."""
    enlist.user("ada")
    home = enlist.stranger("2001:db8:1:2::1")
    assert sign_in(enlist, "ada", PASSWORD, home)[0] == "done"
    for _ in range(3):
        assert sign_in(enlist, "ada")[0] == "sign_in_failed"
        enlist.clock.now += (sign_in(enlist, "ada")[1] or 0) * SECOND
    assert sign_in(enlist, "ada")[0] == "sign_in_failed"
    assert sign_in(enlist, "ada", PASSWORD) == ("sign_in_delayed", 8)
    again = enlist.stranger("2001:db8:1:2:ffff::9")
    assert sign_in(enlist, "ada", PASSWORD, again)[0] == "done"
    # Her own wrong tries there do count, and hers alone.
    assert sign_in(enlist, "ada", caller=home)[0] == "sign_in_failed"
    assert sign_in(enlist, "ada", PASSWORD, home) == ("sign_in_delayed", 1)


def while_comparing(
    enlist: Enlist, patch: pytest.MonkeyPatch, happens: Callable[[], object]
) -> list[object]:
    """Let something happen once, right after a password was compared; what came of it."""
    passwords, seen = enlist.installation.tools.passwords, list[object]()
    compare = passwords.verify

    def verify(stored: str | None, password: Secret) -> bool:
        fits = compare(stored, password)
        patch.setattr(passwords, "verify", compare)
        seen.append(happens())
        return fits

    patch.setattr(passwords, "verify", verify)
    return seen


def test_two_sign_ins_that_meet_at_stronger_parameters_both_succeed(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first stores a new hash of the same password; the second is not told it is wrong."""
    enlist.user("ada")
    home = enlist.stranger()
    assert sign_in(enlist, "ada", PASSWORD, home)[0] == "done"
    passwords = enlist.installation.tools.passwords
    monkeypatch.setattr(passwords, "_hasher", Passwords(memory_kib=64, passes=2)._hasher)
    other = while_comparing(enlist, monkeypatch, lambda: sign_in(enlist, "ada", PASSWORD, home)[0])
    assert sign_in(enlist, "ada", PASSWORD)[0] == "done"
    assert other == ["done"]
    assert not enlist.events("sign_in.refused")
    assert {row["refused"] for row in enlist.rows("throttle")} <= {0}
    (row,) = enlist.rows("app_user", username="ada")
    assert "t=2," in row["password_hash"]


@pytest.mark.parametrize("change", ["password", "disabled", "deleted"])
def test_what_changes_while_a_password_is_compared_counts(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Whoever ends all sign-ins ends the one that is beginning; the old password is a wrong one."""
    ada = enlist.user("ada")
    verbs: dict[str, AnyVerb[Any, Any, Any]] = {
        "password": SetPassword("ada", Secret("another good one")),
        "disabled": SetUserState("ada", UserState.DISABLED),
        "deleted": DeleteUser("ada"),
    }
    changed = while_comparing(enlist, monkeypatch, lambda: enlist.do(verbs[change]))
    assert sign_in(enlist, "ada", PASSWORD) == ("sign_in_failed", None)
    assert len(changed) == 1
    assert not enlist.rows("sign_in", user_id=ada.id)
    assert sign_in(enlist, "ada", PASSWORD) == ("sign_in_delayed", 1)


def test_only_one_transaction_at_a_time_holds_a_user(enlist: Enlist) -> None:
    """Two that held him and then changed him would wait for each other: a deadlock."""
    ada, other = enlist.user("ada"), enlist.again()
    first, second = threading.Event(), threading.Event()

    def hold(tx: Tx) -> bool:
        assert users.hold(tx, ada.id)
        first.set()
        return second.wait(0.5)

    def hold_too(tx: Tx) -> bool:
        assert users.hold(tx, ada.id)
        second.set()
        return True

    def follow() -> bool:
        assert first.wait(DEADLINE)
        return other.store.write(hold_too)

    assert enlist.together([lambda: enlist.store.write(hold), follow]) == [False, True]


def test_only_the_last_places_are_remembered(enlist: Enlist) -> None:
    """S18: each is one more count, so that there must be few."""
    enlist.user("ada")
    first = enlist.stranger()
    assert sign_in(enlist, "ada", PASSWORD, first)[0] == "done"
    for _ in range(20):
        assert sign_in(enlist, "ada", PASSWORD)[0] == "done"
    sign_in(enlist, "ada")
    assert sign_in(enlist, "ada", PASSWORD, first) == ("sign_in_delayed", 1)


def test_a_new_password_ends_the_delay_everywhere(enlist: Enlist) -> None:
    """The help desk's answer to whoever must wait."""
    enlist.user("ada")
    home = enlist.stranger()
    sign_in(enlist, "ada", PASSWORD, home)
    for place in (home, enlist.stranger()):
        sign_in(enlist, "ada", WRONG, place)
    new = "another good one"
    enlist.do(SetPassword("ada", Secret(new)))
    assert sign_in(enlist, "ada", new, home)[0] == "done"
    assert sign_in(enlist, "ada", new)[0] == "done"


def test_a_token_is_no_way_to_guess_at_other_accounts(enlist: Enlist) -> None:
    """S18, ruling 26: a genuine token gives ten logins, not ten for each of its kind."""
    enlist.set(token_type="two_factor")
    enlist.user("ada")
    enlist.user("eve")
    tickets = [enlist.register("ada", name=str(number)) for number in range(3)]
    for ticket in tickets[:2]:
        assert code(enlist.redeem(ticket.token, login=("eve", WRONG))) == "credentials_invalid"
    reasons = [event.data["reason"] for event in enlist.events("enrollment.refused")]
    assert reasons == ["wrong password", "the account must wait"]
    assert enlist.sighting(tickets[1]).wrong_logins == 0
    right = ("eve", PASSWORD)
    assert code(enlist.redeem(tickets[2].token, login=right)) == "credentials_invalid"
    assert sign_in(enlist, "eve", PASSWORD) == ("sign_in_delayed", 1)
    enlist.clock.advance(seconds=1)
    assert code(enlist.redeem(tickets[2].token, login=right)) == "wrong_user"
    # Its owner is never kept waiting, whoever guesses at her elsewhere.
    sign_in(enlist, "ada")
    assert code(enlist.redeem(tickets[2].token, login=("ada", PASSWORD))) == "done"


def test_at_most_one_password_in_an_hour_is_compared_in_the_long_run(enlist: Enlist) -> None:
    """S18: however many ask at once."""
    enlist.user("ada")
    guesses = [lambda: sign_in(enlist, "ada")[0]] * 16
    assert sorted(enlist.together(guesses)).count("sign_in_failed") == 1
    for _ in range(13):
        enlist.clock.now += HOUR
        sign_in(enlist, "ada")
    enlist.clock.now += HOUR - SECOND
    assert sign_in(enlist, "ada") == ("sign_in_delayed", 1)
