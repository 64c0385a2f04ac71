"""Signing in and out, and proving oneself again."""

from __future__ import annotations

import pytest

from enlist.verbs.users import SetUserState
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist
from tests.web.enroll.conftest import SUPPORT_CODE, NewVisitor, Page, Visitor


def sign_in(visitor: Visitor, username: str = ADMINISTRATOR, password: str = PASSWORD) -> Page:
    return visitor.post({"username": username, "password": password}, path="/sign-in")


def alive(enlist: Enlist) -> int:
    return sum(row["ended_at"] is None for row in enlist.rows("sign_in"))


def test_staff_land_on_the_console_and_others_on_their_devices(
    enlist: Enlist, new_visitor: NewVisitor
) -> None:
    enlist.user("ada")
    assert sign_in(new_visitor()).location == "/console"
    assert sign_in(new_visitor(), "ada").location == "/my-devices"
    assert sign_in(new_visitor(), "  ADA ").location == "/my-devices"


def test_cookie_is_out_of_reach_and_opening_the_page_gives_none(visitor: Visitor) -> None:
    """X02."""
    assert not visitor.open("/sign-in").cookies
    (cookie,) = sign_in(visitor).cookies
    assert cookie.startswith("enlist=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "max-age=43200", "path=/", "samesite=lax"}


def test_wrong_login_is_told_alike(enlist: Enlist, new_visitor: NewVisitor) -> None:
    for name in ("known-one", "disabled-one"):
        enlist.user(name)
    enlist.do(SetUserState("disabled-one", "disabled"))
    answers = {
        SUPPORT_CODE.sub("", page.source.replace(username, "NAME"))
        for username, password in (
            ("known-one", "wrong"),
            ("nobody-at-all", PASSWORD),
            ("disabled-one", PASSWORD),
        )
        if (page := sign_in(new_visitor(), username, password)).status == 401
    }
    assert len(answers) == 1
    assert "That user name and password do not fit" in answers.pop()


def test_password_is_never_repeated(visitor: Visitor) -> None:
    page = sign_in(visitor, "ada", "hunter2hunter2")
    assert "hunter2" not in page.source
    assert 'value="ada"' in page.source


def test_too_many_wrong_passwords_say_how_long_to_wait(
    enlist: Enlist, new_visitor: NewVisitor
) -> None:
    enlist.user("ada")
    page = Page(0, "", {}, [], "")
    for _ in range(20):
        page = sign_in(new_visitor(), "ada", "wrong")
        if page.status == 429:
            break
    assert page.status == 429
    assert "Too many wrong passwords" in page.text
    assert "Try again in" in page.text
    assert int(page.headers["retry-after"]) > 0


def test_second_sign_in_replaces_the_first(enlist: Enlist, visitor: Visitor) -> None:
    sign_in(visitor)
    sign_in(visitor)
    assert alive(enlist) == 1


def test_whoever_is_signed_in_goes_on(visitor: Visitor) -> None:
    sign_in(visitor)
    assert visitor.open("/sign-in").location == "/console"
    assert visitor.open("/sign-in?next=/account").location == "/account"


def test_signing_out_takes_a_button(enlist: Enlist, visitor: Visitor) -> None:
    sign_in(visitor)
    assert "Sign out?" in visitor.open("/sign-out").text
    assert alive(enlist) == 1
    answer = visitor.post({}, path="/sign-out")
    assert (answer.status, answer.location) == (303, "/sign-out")
    assert alive(enlist) == 0
    assert "You are signed out" in visitor.open("/sign-out").text
    assert visitor.open("/account").location == "/sign-in?next=%2Faccount"


def test_confirmation_renews_the_proof(enlist: Enlist, visitor: Visitor) -> None:
    sign_in(visitor)
    enlist.clock.advance(minutes=15)
    assert visitor.open("/confirm?next=/console").status == 200
    wrong = visitor.post({"password": "wrong"}, path="/confirm")
    assert wrong.status == 401
    assert "do not fit" in wrong.text
    (row,) = enlist.rows("sign_in")
    assert row["proved_at"] < enlist.clock.now
    enlist.clock.advance(seconds=5)
    right = visitor.post({"password": PASSWORD, "next": "/console"}, path="/confirm")
    assert (right.status, right.location) == (303, "/console")
    (row,) = enlist.rows("sign_in")
    assert row["proved_at"] == enlist.clock.now


def test_confirmation_needs_a_sign_in(visitor: Visitor) -> None:
    where = "/sign-in?next=%2Fconsole%2Fx"
    assert visitor.open("/confirm?next=/console/x").location == where
    posted = visitor.post({"password": PASSWORD, "next": "/console/x"}, path="/confirm")
    assert posted.location == where


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/confirm", "/account", "/setup"])
def test_other_sites_cannot_post(enlist: Enlist, visitor: Visitor, path: str) -> None:
    """S39: login and logout too."""
    sign_in(visitor)
    before = enlist.rows("sign_in")
    fields = {"username": "ada", "password": PASSWORD, "first_name": "Eve"}
    page = visitor.post(fields, path=path, sec_fetch_site="cross-site")
    assert page.status == 403
    assert enlist.rows("sign_in") == before


def test_sign_in_speaks_german(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(accept_language="de")
    assert "Benutzername" in visitor.open("/sign-in").text
    assert "Benutzername und Passwort passen nicht zusammen" in sign_in(visitor, "x", "y").text
