"""One's own account."""

from __future__ import annotations

import pytest

from tests.installation import PASSWORD, Enlist
from tests.web.enroll.conftest import NewVisitor, Visitor

NEW = "six green turtles swim"


@pytest.fixture
def ada(enlist: Enlist, visitor: Visitor) -> Visitor:
    """Ada's browser, signed in."""
    enlist.user("ada")
    visitor.post({"username": "ada", "password": PASSWORD}, path="/sign-in")
    visitor.open("/account")
    return visitor


def profile(visitor: Visitor, **changed: str) -> dict[str, str]:
    empty = dict.fromkeys(("first_name", "last_name", "language", "time_zone"), "")
    return {**empty, "version": visitor.shown.hidden("version"), **changed}


def sign_in_again(new_visitor: NewVisitor, password: str = PASSWORD) -> int:
    other = new_visitor()
    return other.post({"username": "ada", "password": password}, path="/sign-in").status


def test_account_shows_who_and_where(enlist: Enlist, ada: Visitor) -> None:
    page = ada.shown
    assert page.status == 200
    for shown in ("Chrome on Linux", "this one", "127.9.0.1"):
        assert shown in page.text
    assert 'value="ada@example.com"' in page.source
    assert "Roles" not in page.text


def test_profile_is_saved_and_shows_at_once(enlist: Enlist, ada: Visitor) -> None:
    changed = {"first_name": "Ada", "language": "de", "time_zone": "Europe/Berlin"}
    answer = ada.post(profile(ada, **changed), path="/account")
    assert (answer.status, answer.location) == (303, "/account?done=profile")
    page = ada.open(answer.location)
    assert "Gespeichert." in page.text
    assert 'lang="de"' in page.source
    assert "MEZ" in page.text


def test_edit_of_an_older_version_is_refused(enlist: Enlist, ada: Visitor) -> None:
    stale = profile(ada, first_name="Eve")
    ada.post(profile(ada, first_name="Ada"), path="/account")
    page = ada.post(stale, path="/account")
    assert page.status == 412
    assert "Somebody changed this in the meantime" in page.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("time_zone", "Mars/Olympus"), ("language", "xx"), ("first_name", "a" * 300)],
)
def test_what_is_wrong_stands_at_its_field(
    enlist: Enlist, ada: Visitor, field: str, value: str
) -> None:
    page = ada.post(profile(ada, **{field: value}), path="/account")
    assert page.status == 422
    assert f'id="{field}-error"' in page.source


def test_nobody_edits_more_than_his_own_few_fields(enlist: Enlist, ada: Visitor) -> None:
    fields = profile(ada, first_name="A", username="root", source="x", state="disabled")
    assert ada.post(fields, path="/account").status == 303
    (row,) = enlist.rows("app_user", username="ada")
    assert (row["first_name"], row["source"], row["state"]) == ("A", "basic", "active")


def test_password_takes_the_present_one(
    enlist: Enlist, ada: Visitor, new_visitor: NewVisitor
) -> None:
    fields = {"current": "wrong", "password": NEW, "repeat": NEW}
    page = ada.post(fields, path="/account/password")
    assert page.status == 401
    assert NEW not in page.source
    enlist.clock.advance(seconds=5)
    weak = {"current": PASSWORD, "password": "x", "repeat": "x"}
    short = ada.post(weak, path="/account/password")
    assert short.status == 422
    other = ada.post({**fields, "current": PASSWORD, "repeat": "y"}, path="/account/password")
    assert other.status == 422
    assert "This is not the same password." in other.text
    enlist.clock.advance(seconds=5)
    assert sign_in_again(new_visitor) == 303, "the old one still works"


def test_new_password_ends_other_sign_ins(
    enlist: Enlist, ada: Visitor, new_visitor: NewVisitor
) -> None:
    sign_in_again(new_visitor)
    fields = {"current": PASSWORD, "password": NEW, "repeat": NEW}
    assert ada.post(fields, path="/account/password").location == "/account?done=password"
    page = ada.open("/account?done=password")
    assert page.status == 200
    assert page.source.count("/account/sign-ins/") == 1
    assert sign_in_again(new_visitor) == 401
    enlist.clock.advance(seconds=5)
    assert sign_in_again(new_visitor, NEW) == 303


def test_one_sign_in_can_be_ended(enlist: Enlist, ada: Visitor, new_visitor: NewVisitor) -> None:
    other = new_visitor()
    other.post({"username": "ada", "password": PASSWORD}, path="/sign-in")
    rows = enlist.rows("sign_in")
    newest = max(str(row["id"]) for row in rows)
    answer = ada.post({}, path=f"/account/sign-ins/{newest}/end")
    assert answer.location == "/account?done=ended"
    assert other.open("/account").status == 303
    assert ada.open("/account").status == 200


def test_nobody_ends_the_sign_in_of_another(
    enlist: Enlist, ada: Visitor, new_visitor: NewVisitor
) -> None:
    enlist.user("bob")
    bob = new_visitor()
    bob.post({"username": "bob", "password": PASSWORD}, path="/sign-in")
    newest = max(str(row["id"]) for row in enlist.rows("sign_in"))
    ada.post({}, path=f"/account/sign-ins/{newest}/end")
    assert bob.open("/account").status == 200


def test_signing_out_everywhere(enlist: Enlist, ada: Visitor, new_visitor: NewVisitor) -> None:
    sign_in_again(new_visitor)
    assert "ends 2 sign-ins" in ada.open("/account").text
    assert ada.post({}, path="/account/sign-out-everywhere").location == "/sign-out"
    assert all(row["ended_at"] is not None for row in enlist.rows("sign_in"))
    assert ada.open("/account").status == 303


@pytest.mark.parametrize(
    "path", ["/account", "/account/password", f"/account/sign-ins/{'0' * 36}/end"]
)
def test_strangers_are_sent_to_sign_in(enlist: Enlist, visitor: Visitor, path: str) -> None:
    answer = visitor.post({"first_name": "x"}, path=path)
    assert (answer.status, answer.location) == (303, "/sign-in?next=%2Faccount")


def test_notice_of_another_making_is_not_shown(ada: Visitor) -> None:
    page = ada.open("/account?done=%3Cb%3Eyou+have+won")
    assert "won" not in page.text


def test_whoever_is_signed_in_is_not_asked_to_sign_in(
    ada: Visitor, new_visitor: NewVisitor
) -> None:
    """A refusal leads on to where one may go: one's own account, the console, or the sign-in."""
    strangers = new_visitor().open("/nowhere")
    assert (strangers.status, '<a href="/">Sign in</a>' in strangers.source) == (404, True)
    for page in (ada.open("/nowhere"), ada.open("/demo/mailbox/99")):
        assert page.status == 404
        assert "Sign in" not in page.text
        assert '· <a href="/account">My account</a>' in page.source
        assert "/console" not in page.source
    refused = ada.post({"username": "x" * 70_000}, path="/account")
    assert (refused.status, "Sign in" in refused.text) == (413, False)


def test_an_administrator_is_led_back_to_the_console(enlist: Enlist, visitor: Visitor) -> None:

    enlist.staff("administrator", username="boss")
    visitor.post({"username": "boss", "password": PASSWORD}, path="/sign-in")
    assert '· <a href="/console">Console</a>' in visitor.open("/nowhere").source
