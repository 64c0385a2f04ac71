"""The first administrator comes in by a one-time link."""

from __future__ import annotations

from pathlib import Path

import pytest

from enlist.core.caller import SYSTEM
from enlist.settings import Settings
from enlist.verbs.setup import InviteAdministrator
from enlist.wiring.installation import open_installation
from tests.installation import Enlist, SettableClock, cheap_passwords
from tests.web.enroll.conftest import Page, Visitor

PASSWORD = "six green turtles swim"


@pytest.fixture
def enlist(tmp_path: Path, clock: SettableClock) -> Enlist:
    """An installation that nobody administers yet."""
    settings = Settings(data=tmp_path / "fresh")
    opened = open_installation(settings, clock=clock, passwords=cheap_passwords())
    return Enlist(opened, settings, clock)


@pytest.fixture
def link(enlist: Enlist) -> str:
    """The secret of the printed link."""
    made = enlist.do(InviteAdministrator(), SYSTEM)
    assert made is not None
    return made.reveal()


def fill_in(visitor: Visitor, **changed: str) -> Page:
    fields = {
        "nonce": visitor.shown.hidden("nonce"),
        "organization": "Nordlicht",
        "email": "root@example.com",
        "password": PASSWORD,
        "repeat": PASSWORD,
    }
    return visitor.post({**fields, **changed}, path="/setup")


def test_link_makes_the_first_administrator_and_signs_him_in(
    enlist: Enlist, visitor: Visitor, link: str
) -> None:
    visitor.open("/setup")
    answer = fill_in(visitor, link=link)
    assert (answer.status, answer.location) == (303, "/console")
    assert enlist.root.name == "Nordlicht"
    assert "root@example.com" in visitor.open("/account").text
    assert "Administrator" in visitor.shown.text


@pytest.mark.parametrize("shape", ["http://localhost:8000/setup#t={}", "{}", " {} ", "#t={}&utm=1"])
def test_whole_link_may_be_pasted(visitor: Visitor, link: str, shape: str) -> None:
    visitor.open("/setup")
    assert fill_in(visitor, link=shape.format(link)).location == "/console"


def test_link_works_once(visitor: Visitor, link: str) -> None:
    visitor.open("/setup")
    fill_in(visitor, link=link)
    visitor.open("/setup")
    page = fill_in(visitor, link=link, email="eve@example.com")
    assert page.status == 410
    assert "does not work any more" in page.text


def test_link_that_is_too_old_or_wrong(enlist: Enlist, visitor: Visitor, link: str) -> None:
    visitor.open("/setup")
    assert fill_in(visitor, link="x" * 43).status == 410
    enlist.clock.advance(hours=24, seconds=1)
    visitor.open("/setup")
    assert fill_in(visitor, link=link).status == 410
    assert not enlist.rows("app_user")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"password": "short", "repeat": "short"}, "password"),
        ({"repeat": "something else"}, "repeat"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_link_is_kept_sealed(
    visitor: Visitor, link: str, changed: dict[str, str], field: str
) -> None:
    visitor.open("/setup")
    page = fill_in(visitor, link=link, **changed)
    assert page.status == 422
    assert f'id="{field}-error"' in page.source
    assert link not in page.source
    assert PASSWORD not in page.source
    assert 'id="link"' not in page.source
    assert fill_in(visitor).location == "/console"


def test_form_of_another_browser_is_refused(visitor: Visitor, link: str) -> None:
    visitor.open("/setup")
    page = fill_in(visitor, link=link, nonce="x")
    assert page.status == 403
    assert "open for too long" in page.text
    visitor.client.cookies.clear()
    assert fill_in(visitor, link=link).status == 403


def test_opening_the_link_spends_nothing(enlist: Enlist, visitor: Visitor, link: str) -> None:
    for _ in range(5):
        page = visitor.open(f"/setup?t={link}")
        assert link not in page.source
    (row,) = enlist.rows("setup_link")
    assert row["used_at"] is None
