"""The language menu: kept with the person."""

from __future__ import annotations

import pytest

from tests.installation import Enlist
from tests.web.console.conftest import Console


def test_the_language_is_kept_with_the_person(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("reader")
    sent = {"language": "de", "back": "devices"}
    changed = desk.send("/console/main/language", sent)
    assert changed.location == "/console/main/devices"
    assert '<html lang="de"' in desk.follow(changed).source
    assert '<html lang="de"' in console.sign_in("reader").open("/console/main/").source
    back = desk.send("/console/main/language", {"language": "en", "back": "devices"})
    assert '<html lang="en"' in desk.follow(back).source


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil", "../../x"])
def test_it_leads_nowhere_else(console: Console, back: str) -> None:
    answer = console.sign_in("reader").send(
        "/console/main/language", {"language": "de", "back": back}
    )
    assert answer.location.startswith("/console/main/")


def test_a_language_that_nobody_speaks_is_refused(console: Console) -> None:
    sent = {"language": "tlh", "back": ""}
    assert console.sign_in("reader").send("/console/main/language", sent).status == 422
