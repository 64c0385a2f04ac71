"""The page of an administrator's one-time link."""

from __future__ import annotations

import pytest

from enlist.verbs.recovery import Recover
from tests.installation import ADMINISTRATOR, Enlist
from tests.web.enroll.conftest import Page, Visitor

PASSWORD = "six green turtles swim"


@pytest.fixture
def link(enlist: Enlist) -> str:
    """The secret of the printed link."""
    return enlist.do(Recover(ADMINISTRATOR)).link.reveal()


def fill_in(visitor: Visitor, **changed: str) -> Page:
    fields = {"nonce": visitor.shown.hidden("nonce"), "password": PASSWORD, "repeat": PASSWORD}
    return visitor.post({**fields, **changed}, path="/recover")


@pytest.mark.parametrize("shape", ["http://localhost:8000/recover#t={}", " {} "])
def test_the_link_sets_a_password_and_signs_in(visitor: Visitor, link: str, shape: str) -> None:
    visitor.open("/recover")
    assert fill_in(visitor, link=shape.format(link)).location == "/console"
    assert ADMINISTRATOR in visitor.open("/account").text
    visitor.open("/recover")
    page = fill_in(visitor, link=link)
    assert page.status == 410
    assert "does not work any more" in page.text


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"password": "short", "repeat": "short"}, "password"), ({"repeat": "other"}, "repeat")],
)
def test_what_is_wrong_stands_at_its_field_and_the_link_is_kept_sealed(
    visitor: Visitor, link: str, changed: dict[str, str], field: str
) -> None:
    visitor.open("/recover")
    page = fill_in(visitor, link=link, **changed)
    assert page.status == 422
    assert f'id="{field}-error"' in page.source
    assert link not in page.source
    assert PASSWORD not in page.source
    assert fill_in(visitor).location == "/console"


def test_opening_it_changes_nothing(enlist: Enlist, visitor: Visitor, link: str) -> None:
    """No GET consumes anything, and no query carries a secret."""
    for _ in range(3):
        visitor.open(f"/recover?t={link}")
    (row,) = enlist.rows("setup_link")
    assert row["used_at"] is None


def test_the_form_of_another_browser_is_refused(visitor: Visitor, link: str) -> None:
    visitor.open("/recover")
    page = fill_in(visitor, link=link, nonce="x")
    assert page.status == 403
    assert "open for too long" in page.text


def test_whoever_was_signed_in_on_this_browser_is_signed_out(
    enlist: Enlist, visitor: Visitor, link: str
) -> None:
    """As by the sign-in page: nobody's sign-in lives on behind another one's."""
    enlist.user("ben", password=PASSWORD)
    visitor.post({"username": "ben", "password": PASSWORD}, path="/sign-in")
    visitor.open("/recover")
    fill_in(visitor, link=link)
    ended = {row["user_id"]: row["ended_at"] is not None for row in enlist.rows("sign_in")}
    assert sorted(ended.values()) == [False, True]
