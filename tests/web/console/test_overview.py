"""The overview: numbers that lead on, what needs attention, and what to do first."""

from __future__ import annotations

from enlist.core.clock import HOUR
from tests.installation import Enlist
from tests.web.console.conftest import Console

OVERVIEW = "/console/main/"


def test_an_empty_installation_says_what_to_do_first(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    page = desk.open(OVERVIEW)
    assert "Three steps to the first enrolled device" in page.main
    assert page.leads_to("/console/main/users/new")
    assert page.leads_to("/console/main/devices/new")
    assert 'class="done"' not in page.source
    enlist.user("ada")
    assert 'class="done"' in desk.open(OVERVIEW).source
    enlist.register("ada")
    assert "Three steps" not in desk.open(OVERVIEW).main


def test_a_reader_is_told_the_steps_without_buttons(console: Console) -> None:
    page = console.sign_in("reader").open(OVERVIEW)
    assert "Three steps" in page.main
    assert not page.leads_to("/console/main/users/new")
    assert not page.leads_to("/console/main/devices/new")


def test_numbers_lead_to_what_they_count(console: Console, enlist: Enlist) -> None:
    for number in range(3):
        enlist.register(f"waiting{number}", expires_at=enlist.clock.now + 99 * HOUR)
    enlist.redeem(enlist.register("used").token)
    enlist.register("late", name="late laptop")
    enlist.clock.advance(hours=25)
    page = console.sign_in("reader").open(OVERVIEW)
    assert "3 waiting" in page.main
    assert "1 used" in page.main
    assert "1 expired" in page.main
    assert "0 failed" in page.main
    assert "late laptop never enrolled" in page.main
    assert "/console/main/enrollments?state=expired" in page.links
    assert "/console/main/devices?state=enrolled" in page.links


def test_an_organization_counts_only_itself_and_below(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    enlist.register("ada", organization="alpha")
    enlist.register("bob", organization="beta")
    assert "1 waiting" in console.sign_in("reader", "alpha").open("/console/alpha/").main
    assert "2 waiting" in console.sign_in("reader").open(OVERVIEW).main


def test_nothing_to_attend_to_is_said_too(console: Console, enlist: Enlist) -> None:
    enlist.register("ada")
    page = console.sign_in("reader").open(OVERVIEW)
    assert "Every message arrived, and no token ran out unused" in page.main
