"""What every public answer carries, whatever it says (X05, S32, S37, S38)."""

from __future__ import annotations

import re

import pytest

from tests.installation import Enlist
from tests.web.enroll.conftest import Page, Visitor
from tests.web.enroll.headers import EXPECTED

VARYING = {"content-length", "content-type", "retry-after", "allow"}


def guarded(page: Page, referrer: str = "no-referrer") -> None:
    """All headers as expected and no others; nothing inline, nothing from elsewhere."""
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert {k: v for k, v in page.headers.items() if k not in VARYING} == {
        **EXPECTED,
        "referrer-policy": referrer,
    }
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page.source)
    assert not re.search(r'http-equiv="?refresh', page.source)
    for address in re.findall(r'(?:src|href|action)="([^"]*)"', page.source):
        assert address.startswith(("/", "data:image/png;base64,")), address
        assert not address.startswith("//")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/enroll", 200),
        ("/enroll/welcome", 200),
        ("/enroll/unknown", 200),
        ("/sign-in", 200),
        ("/setup", 200),
        ("/demo/mailbox", 200),
        ("/no-such-page", 404),
        ("/enroll/a/b", 404),
        ("/demo/mailbox/99", 404),
    ],
)
def test_pages_are_guarded(visitor: Visitor, path: str, status: int) -> None:
    """Only what a link leads to hides its address from ourselves, too."""
    page = visitor.open(path)
    behind_link = path.startswith(("/enroll", "/setup", "/recover"))
    guarded(page, "no-referrer" if behind_link else "same-origin")
    assert page.status == status


def test_every_step_and_refusal_is_guarded(enlist: Enlist, visitor: Visitor) -> None:
    ticket, old = enlist.register(name="a"), enlist.register(name="b")
    enlist.revoke(old.enrollment_id)
    nonce = visitor.open().hidden("nonce")
    statuses = []
    for page in (
        visitor.check("ABCDEFGH23", nonce=nonce),
        visitor.check(old.token, nonce=nonce),
        visitor.check("x", nonce="x"),
        visitor.post({"a": "b" * 70_000}),
        visitor.post({}, sec_fetch_site="cross-site"),
        visitor.check(ticket.token, nonce=nonce),
        visitor.begin(),
    ):
        guarded(page)
        statuses.append(page.status)
    assert statuses == [404, 410, 403, 413, 403, 200, 200]


def test_fault_of_ours_is_guarded_and_tells_nothing(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the wiring of the moon")

    monkeypatch.setattr("enlist.web.enroll.landing.form_page", broken)
    page = visitor.open()
    guarded(page)
    assert page.status == 500
    assert "moon" not in page.source
    assert page.support_code


@pytest.mark.parametrize("name", ["host", "x-forwarded-host", "forwarded"])
def test_forged_host_goes_nowhere(enlist: Enlist, visitor: Visitor, name: str) -> None:
    """S38: the command, the address and the QR code come from the settings."""
    ticket = enlist.register()
    forged = {"forwarded": "host=evil.example"}.get(name, "evil.example")
    visitor.headers = {name: forged}
    pages = [visitor.open("/enroll"), visitor.check(ticket.token), visitor.begin()]
    assert not [page for page in pages if "evil" in page.source]
    assert "--server http://localhost:8000" in visitor.shown.text


def test_stylesheet_is_small(visitor: Visitor) -> None:
    """The page must open at once on a phone."""
    style = visitor.client.get("/static/test/public.css")
    script = visitor.client.get("/static/test/enroll.js")
    assert style.status_code == script.status_code == 200
    assert len(style.content) <= 10 * 1024
    assert len(script.content) <= 3 * 1024
    assert "immutable" in style.headers["cache-control"]
    assert "@import" not in style.text
    assert "url(" not in style.text


@pytest.mark.parametrize("path", ["/enroll/", "/sign-in/", "/account/", "/setup/", "/enroll/x/"])
def test_no_redirect_is_made_of_the_host(visitor: Visitor, path: str) -> None:
    """S38: a slash too many must not lead where the request says that it came to."""
    answer = visitor.client.get(path, headers={"host": "evil.example"}, follow_redirects=False)
    assert "evil" not in answer.headers.get("location", "")
