"""One-time credentials for many users at once: what each is sent, and a result for each."""

from __future__ import annotations

import pytest

from enlist.core.model import UserState
from enlist.verbs.users import SetUserState
from tests.installation import Enlist
from tests.web.console.bulk import asked, confirm
from tests.web.console.conftest import Console

USERS = "/console/main/users/bulk"


@pytest.fixture
def ids(enlist: Enlist) -> list[str]:
    people = [enlist.user("ada"), enlist.user("bob", email=""), enlist.user("eve")]
    return [each.id for each in people]


def test_ticked_users_are_sent_theirs(console: Console, enlist: Enlist, ids: list[str]) -> None:
    """B16, B17: the button says how many; whoever cannot be reached is left out, and why."""
    desk = console.sign_in("operator")
    assert "Create enrollment credentials" in desk.open("/console/main/users").main
    page = asked(desk, USERS, "credentials", ids)
    assert "Send enrollment credentials to 2 users?" in page.main
    assert "Create credentials for 2 users" in page.main
    assert "neither e-mail address nor phone" in page.main
    told = confirm(desk, USERS, page, platform="ios", hours="5", tags="loan, Sales")
    assert "Queued 2 of 3 messages" in told.main
    assert [device.tags for device in enlist.devices()] == [("loan", "Sales")] * 2
    assert {row["recipient"] for row in enlist.rows("message")} == {
        "ada@example.com",
        "eve@example.com",
    }
    again = confirm(desk, USERS, asked(desk, USERS, "credentials", ids[:1]), platform="ios")
    assert "Credentials go to the same address once in 30 seconds." in again.main
    assert "Queued 0 of 1 messages" in again.main


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("platform", "", "Choose one"),
        ("hours", "0", "must be from 1 to 8760"),
        ("hours", "9" * 5000, "must be from 1 to 8760"),
        ("hours", "soon", "must be from 1 to 8760"),
        ("tags", "x" * 41, "at most 40 characters"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    console: Console, enlist: Enlist, ids: list[str], field: str, typed: str, told: str
) -> None:
    desk = console.sign_in("operator")
    page = asked(desk, USERS, "credentials", ids)
    said = {"action": "credentials", "confirmed": "yes", "platform": "ios", field: typed}
    shown = desk.send(USERS, {**said, "id": ids})
    assert told in shown.main
    assert page.status == 200
    assert not enlist.rows("device")


def test_who_is_disabled_is_left_out(console: Console, enlist: Enlist, ids: list[str]) -> None:
    enlist.do(SetUserState("ada", UserState.DISABLED))
    page = asked(console.sign_in("operator"), USERS, "credentials", ids[:2])
    assert "Nobody to send them to" in page.main
    assert "Disabled" in page.main


def test_a_help_desk_is_not_offered_it(console: Console, ids: list[str]) -> None:
    """B22."""
    desk = console.sign_in("helpdesk")
    assert "Create enrollment credentials" not in desk.open("/console/main/users").main
