"""Nobody is sent to another site after signing in (S37)."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from enlist.web.portal.returning import own_path
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist
from tests.web.enroll.conftest import Visitor

FOREIGN = [
    "",
    "https://evil.example",
    "https://evil.example/console",
    "http:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example/console",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "/ /evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil.example",
    "/console\r\nlocation: https://evil.example",
    "/console%0d%0a\r\n",
    "/\x00/evil.example",
    "\x01https://evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "mailto:a@b.example",
    "//localhost:8000@evil.example",
    "https://localhost:8000@evil.example/",
    "https://localhost:8000.evil.example/",
    "http://localhost:8000/console",
    "//localhost:8000/console",
    "evil.example",
    "console",
    "./console",
    "../console",
    "/./console",
    "/..//evil.example",
    "/../evil",
    "/%2e%2e/evil",
    "/.%2E/evil",
    "/console//evil.example",
    "/console/..//evil.example",
    "?next=//evil.example",
    "#//evil.example",
    "/console#t=secret",
    "/\u2044/evil.example",
    "/\uff0f/evil.example",
    "/ẹvil",
    "/console?x=<script>",
    "/console?x='",
    "/",
    "/sign-in",
    "/sign-in/",
    "/sign-in?next=/console",
    "/sign-out",
    "/confirm?next=/confirm",
    "/setup",
    "/" + "a" * 2000,
]
OWN = [
    "/console",
    "/console/",
    "/account",
    "/console/north/devices?search=a%20b&sort=-name&state=registered",
    "/console/north/devices/01900000-0000-7000-8000-000000000000",
    "/console/a.b_c~d/users?cursor=eyJ4IjoxfQ==",
    "/sign-ins",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_foreign_address_is_not_followed(text: str) -> None:
    assert own_path(text) == ""


@pytest.mark.parametrize("text", OWN)
def test_own_page_is_come_back_to(text: str) -> None:
    assert own_path(text) == text


def login(**more: str) -> dict[str, str]:
    return {"username": ADMINISTRATOR, "password": PASSWORD, **more}


@pytest.mark.parametrize("text", FOREIGN)
def test_sign_in_leads_home_instead(visitor: Visitor, text: str) -> None:
    """Through the page that carries it, and posted straight."""
    page = visitor.open(f"/sign-in?{urlencode({'next': text})}")
    assert "evil" not in page.source
    assert 'name="next"' not in page.source
    sent = text if all(" " <= letter != "\x7f" for letter in text) else "//evil.example"
    assert visitor.post(login(next=sent), path="/sign-in").location == "/console"


@pytest.mark.parametrize("text", OWN)
def test_sign_in_leads_back(visitor: Visitor, text: str) -> None:
    page = visitor.open(f"/sign-in?{urlencode({'next': text})}")
    answer = visitor.post(login(next=page.hidden("next")), path="/sign-in")
    assert (answer.status, answer.location) == (303, text)


def test_confirmation_leads_back_and_never_away(enlist: Enlist, visitor: Visitor) -> None:
    visitor.post(login(), path="/sign-in")
    for text, where in (("/console/x", "/console/x"), ("//evil.example", "/console")):
        page = visitor.open(f"/confirm?{urlencode({'next': text})}")
        assert "evil" not in page.source
        answer = visitor.post({"password": PASSWORD, "next": text}, path="/confirm")
        assert answer.location == where
