"""The page behind a link to set a password, and the one that asks for it (A74)."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from enlist.verbs.staff import SendPasswordLink
from enlist.web.app import web_application
from enlist.web.services import Services
from tests.installation import Enlist
from tests.web.enroll.conftest import NewVisitor, Page, Visitor

NEW = "six green turtles swim"


@pytest.fixture
def link(enlist: Enlist) -> str:
    """The secret of the link that was sent to Ada."""
    enlist.user("ada")
    enlist.do(SendPasswordLink("ada"))
    (row,) = enlist.rows("password_link")
    keys = enlist.installation.tools.keys
    return keys.derive_link_again(row["message_id"], row["derive_key_id"]).reveal()


def fill_in(visitor: Visitor, **changed: str) -> Page:
    fields = {"nonce": visitor.shown.hidden("nonce"), "password": NEW, "repeat": NEW}
    return visitor.post({**fields, **changed}, path="/set-password")


def test_whoever_opens_it_sets_a_password_and_is_signed_in(visitor: Visitor, link: str) -> None:
    visitor.open("/set-password")
    assert fill_in(visitor, link=f"http://localhost:8000/set-password#t={link}").status == 303
    assert "ada" in visitor.open("/account").text
    visitor.open("/set-password")
    again = fill_in(visitor, link=link)
    assert again.status == 410
    assert 'href="/forgot-password"' in again.source


def test_a_mail_scanner_uses_nothing_up(
    enlist: Enlist, visitor: Visitor, services: Services, link: str
) -> None:
    """X01: ten GET and ten HEAD, with and without the secret where no browser would put it."""
    scanner = TestClient(web_application(services), base_url=services.public_url)
    for path in (f"/set-password?t={link}", f"/set-password#t={link}"):
        for _ in range(10):
            assert scanner.get(path).status_code == 200
            assert scanner.head(path).status_code == 200
    assert enlist.rows("password_link")[0]["used_at"] is None
    visitor.open("/set-password")
    assert fill_in(visitor, link=link).status == 303


def test_what_is_wrong_stands_at_its_field_and_the_link_is_kept_sealed(
    visitor: Visitor, link: str
) -> None:
    visitor.open("/set-password")
    page = fill_in(visitor, link=link, password="short", repeat="short")
    assert page.status == 422
    assert 'id="password-error"' in page.source
    assert link not in page.source
    assert fill_in(visitor).status == 303


def test_the_page_for_signing_in_leads_to_it_and_answers_everybody_alike(
    enlist: Enlist, new_visitor: NewVisitor
) -> None:
    enlist.user("ada")
    visitor = new_visitor()
    assert 'href="/forgot-password"' in visitor.open("/sign-in").source
    answers = []
    for name in ("ada", "nobody", "ada@example.com"):
        visitor.open("/forgot-password")
        page = visitor.post({"named": name})
        answers.append((page.status, page.source))
        assert name not in page.text
    assert len(set(answers)) == 1
    assert "Look into your mailbox" in answers[0][1]
    assert [row["recipient"] for row in enlist.rows("message")] == ["ada@example.com"] * 2
    for _ in range(7):
        visitor.post({"named": "x"})
    late = visitor.post({"named": "ada"})
    assert (late.status, late.headers["retry-after"]) == (429, "600")
    assert len(enlist.rows("message")) == 2


def test_both_pages_speak_german(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(accept_language="de")
    assert "Passwort vergessen?" in visitor.open("/sign-in").text
    assert "Link senden" in visitor.open("/forgot-password").text
    assert "Sehen Sie in Ihr Postfach" in visitor.post({"named": "ada"}).text
    assert "Legen Sie Ihr Passwort fest" in visitor.open("/set-password").text
