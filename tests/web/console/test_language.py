"""The language menu: kept with the person."""

from __future__ import annotations

import re

import pytest

from tests.installation import Enlist
from tests.web.console.conftest import Console, Page


def test_the_language_is_kept_with_the_person(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("reader")
    sent = {"language": "de", "back": "devices"}
    changed = desk.send("/console/main/language", sent)
    assert changed.location == "/console/main/devices"
    assert chosen(desk.follow(changed)) == ["de"]
    again = console.sign_in("reader")
    assert chosen(again.open("/console/main/")) == ["de"]
    assert '<html lang="de"' in again.open("/account").source
    back = desk.send("/console/main/language", {"language": "en", "back": "devices"})
    assert chosen(desk.follow(back)) == ["en"]


def test_the_console_itself_is_in_english_whole(console: Console) -> None:
    """Words that public pages share with it must not come out in another language."""
    desk = console.sign_in("reader")
    english = desk.open("/console/main/", accept_language="en")
    desk.send("/console/main/language", {"language": "de", "back": ""})
    shown = desk.open("/console/main/", accept_language="de")
    assert '<html lang="en"' in shown.source
    assert shown.text == english.text
    assert "The console itself is in English." in shown.text


def chosen(page: Page) -> list[str]:
    """What the language menu marks."""
    return re.findall(r'value="([a-z]+)" lang="[a-z]+" aria-current="true"', page.source)


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil", "../../x"])
def test_it_leads_nowhere_else(console: Console, back: str) -> None:
    answer = console.sign_in("reader").send(
        "/console/main/language", {"language": "de", "back": back}
    )
    assert answer.location.startswith("/console/main/")


def test_a_language_that_nobody_speaks_is_refused(console: Console) -> None:
    sent = {"language": "tlh", "back": ""}
    assert console.sign_in("reader").send("/console/main/language", sent).status == 422
