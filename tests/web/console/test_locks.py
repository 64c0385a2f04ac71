"""Locks in the console: the list, the user's page, the enrollment's page."""

from __future__ import annotations

import pytest

from enlist.core.clock import HOUR
from enlist.core.secrets import Secret
from enlist.verbs import lock_list
from enlist.verbs.sign_in import StartSignIn
from enlist.web.console import locks as console_locks
from tests.installation import Enlist
from tests.web.console.conftest import Console

LOCKS = "/console/main/locks"
WRONG = ("ada", "not her password")


def test_a_lock_is_seen_and_cleared_where_it_is_noticed(console: Console, enlist: Enlist) -> None:
    """On the list, on the user's page and on the enrollment's; a reader gets no button."""
    enlist.set(token_type="two_factor")
    ada = enlist.user("ada")
    ticket = enlist.register("ada")
    desk = console.sign_in("administrator")
    assert "Nobody has to wait" in desk.open(LOCKS).main
    for _ in range(3):
        enlist.perform(StartSignIn(WRONG[0], Secret(WRONG[1])), enlist.stranger())
        enlist.clock.now += HOUR // 100
        enlist.redeem(ticket.token, login=WRONG)
    intruder = enlist.stranger()
    for _ in range(10):
        enlist.redeem("abcdefghij", caller=intruder)
    listed = desk.open(LOCKS)
    for text in ("Wrong passwords or codes", "Wrong logins with the token", "3 of 10", "10 of 10"):
        assert text in listed.main
    assert intruder.source in listed.main
    assert "Clear ada" not in console.sign_in("reader").open(LOCKS).main

    his = f"/console/main/users/{ada.id}"
    shown = desk.open(his)
    assert "Wrong passwords or codes: 3" in shown.main
    (clear,) = [action for _, action in shown.forms if "/locks/" in action]
    after = desk.follow(desk.send(clear, {"back": "page"}))
    assert "Cleared. Counted until then: 3." in after.text
    assert "cleared the lock of" in after.main
    assert not [action for _, action in after.forms if "/locks/" in action]

    page = desk.open(f"/console/main/enrollments/{ticket.enrollment_id}")
    assert "Wrong logins with the token: 3 of 10" in page.main
    (clear,) = [action for _, action in page.forms if "/locks/" in action]
    assert "Cleared." in desk.follow(desk.send(clear, {"back": "page"})).text

    (clear,) = [action for _, action in desk.open(LOCKS).forms if "/locks/" in action]
    assert clear.endswith(f"/networks/{intruder.source}")
    cleared = desk.follow(desk.send(clear, {}))
    assert "Nobody has to wait" in cleared.main
    assert "nothing to clear" in desk.follow(desk.send(clear, {})).text


def test_that_more_have_to_wait_is_said(
    console: Console, enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = console.sign_in("administrator")
    for number in range(3):
        enlist.user(f"user{number}")
        guess = StartSignIn(f"user{number}", Secret("not his password"))
        enlist.perform(guess, enlist.stranger())
    assert "More than" not in desk.open(LOCKS).main
    for module in (lock_list, console_locks):
        monkeypatch.setattr(module, "MOST_SHOWN", 2)
    assert "More than 2 users have to wait." in desk.open(LOCKS).main
