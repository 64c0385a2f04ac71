"""The infrastructure diagram over HTTP: who sees it, each part's state, and that it looks again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from enlist.core.caller import SYSTEM
from enlist.core.diagnosis import fine, problem, warning
from enlist.core.infrastructure import GRACE, REFUSED, Surroundings
from enlist.store import channel_health
from enlist.verbs.sealing import Sealer
from enlist.verbs.watching import OfMachine, WatchOver
from enlist.web.console.drawing import OWN, WHOLE
from enlist.web.console.infrastructure import size
from tests.installation import Enlist
from tests.web.console.conftest import Console
from tests.web.console.diagram import about, marked, states

ADDRESS = "/console/main/infrastructure"


@contextmanager
def surrounded(console: Console, **known: object) -> Iterator[Console]:
    """The same console, in a process that knows more of itself."""
    around = replace(Surroundings(), **known)  # type: ignore[arg-type]
    services = replace(console.services, surroundings=lambda: around)
    with ExitStack() as stack:
        yield Console(console.enlist, services, stack)


@pytest.fixture
def sealed(enlist: Enlist) -> None:
    """All events so far are sealed, as in any installation that runs."""
    Sealer(enlist.store).seal_all()


def test_administrators_alone_see_it(console: Console, enlist: Enlist) -> None:
    """B22: nobody else is shown the page, nor an entry that leads to it, nor finds it."""
    enlist.organization("alpha")
    for role in ("operator", "helpdesk", "reader"):
        desk = console.sign_in(role, "alpha")
        assert desk.open("/console/alpha/infrastructure").status == 403, role
        assert not desk.open("/console/alpha/").leads_to("/console/alpha/infrastructure")
        found = desk.open("/console/alpha/search?q=company+passcode")
        assert not found.leads_to("/console/alpha/infrastructure")
    desk = console.sign_in("administrator", "alpha")
    assert desk.open("/console/alpha/").leads_to("/console/alpha/infrastructure")
    assert desk.open("/console/alpha/infrastructure").status == 200


def test_next_door_and_above_there_is_no_such_page(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    desk = console.sign_in("administrator", "alpha")
    for place in ("beta", "main", "nonsense", "%00"):
        assert desk.open(f"/console/{place}/infrastructure").status == 404, place


@pytest.mark.parametrize("words", ["Infrastructure diagram", "Company passcode", "Self-service"])
def test_search_finds_it_by_the_seeds_words(console: Console, words: str) -> None:
    found = console.sign_in().open(f"/console/main/search?q={words.replace(' ', '+')}")
    assert found.leads_to(ADDRESS)


def test_every_part_is_drawn_and_told_in_words(console: Console, sealed: None) -> None:
    enlist = console.enlist
    enlist.clock.advance(minutes=1)
    known = {
        "findings": {"disk-space": fine("90 GiB free"), "web-certificate": fine("ends in 80 days")},
        "email": "mail.example.com:587, STARTTLS",
        "web": "0.0.0.0:443",
    }
    with surrounded(console, **known) as other:
        page = other.sign_in().open(ADDRESS)
    assert set(states(page)) == {part.value for part in WHOLE.places}
    assert page.source.count('class="wire ') == len(WHOLE.wires)
    assert states(page)["people"] == states(page)["devices"] == "outside"
    off = {name for name, state in states(page).items() if state == "off"}
    assert off == {"sms", "directories", "self-service"}
    works = {name for name, state in states(page).items() if state == "works"}
    assert works == {"web", "device", "enlist", "log", "database", "authority", "email"}
    assert "Everything works" in page.main
    assert "90 GiB free" in about(page, "database")
    assert "SQLite" in about(page, "database")
    assert "ends in 80 days" in about(page, "web")
    assert "0.0.0.0:443" in about(page, "web")
    assert "mail.example.com:587, STARTTLS" in about(page, "email")
    assert "come with a later version" in about(page, "directories")
    assert console.services.tools.authority.root_fingerprint in about(page, "authority")
    assert " style=" not in page.source
    assert "<style" not in page.source


def test_what_fails_is_red_and_says_what_to_do(console: Console, sealed: None) -> None:
    enlist = console.enlist
    enlist.store.write(lambda tx: channel_health.unreachable(tx, "email", "connection refused"))
    for _ in range(REFUSED):
        enlist.store.write(lambda tx: channel_health.refused(tx, "sms", "no such sender"))
    desk = console.sign_in()
    page = desk.open(ADDRESS)
    assert states(page)["email"] == "attention"
    assert states(page)["sms"] == "off"  # nobody misses what is not set up
    enlist.clock.advance(microseconds=GRACE)
    page = desk.open(ADDRESS)
    assert states(page)["email"] == states(page)["log"] == "problem"
    assert "connection refused" in about(page, "email")
    assert "Run enlist doctor" in about(page, "email")
    assert "There is a problem" in page.main
    assert 'class="wire wire-problem"' in page.source
    assert "Events wait for" in about(page, "log")
    enlist.store.write(lambda tx: channel_health.well(tx, "email"))
    Sealer(enlist.store).seal_all()
    assert "Everything works" in desk.open(ADDRESS).main


def test_what_the_doctor_and_other_machines_found_counts(console: Console, sealed: None) -> None:
    enlist = console.enlist
    there = OfMachine("device-certificate far", "far, device listener: it ended 3 days ago")
    here = OfMachine("authority-certificate near", "near, authority: it ends in 9 days")
    enlist.do(WatchOver((there, here)), SYSTEM)
    Sealer(enlist.store).seal_all()
    found = {
        "disk-space": warning("2 GiB free", "Make room."),
        "authority-certificate": problem("it ends in 9 days", "Run: enlist keys rotate ca"),
    }
    with surrounded(console, findings=found) as other:
        page = other.sign_in().open(ADDRESS)
    assert states(page)["database"] == "attention"
    assert "Make room." in about(page, "database")
    assert states(page)["device"] == "problem"
    assert "far, device listener: it ended 3 days ago" in about(page, "device")
    assert "Run: enlist keys rotate ca" in about(page, "authority")
    assert "near, authority" not in about(page, "authority")  # it is this very machine's


def test_one_organization_sees_its_own_part_without_addresses(
    console: Console, enlist: Enlist, sealed: None
) -> None:
    enlist.organization("alpha")
    enlist.store.write(lambda tx: channel_health.unreachable(tx, "email", "mail.internal: refused"))
    enlist.clock.advance(microseconds=GRACE)
    known = {"email": "mail.internal:587", "web": "10.1.2.3:443", "database": "db.internal/enlist"}
    with surrounded(console, **known) as other:
        page = other.sign_in("administrator", "alpha").open("/console/alpha/infrastructure")
        root = other.sign_in().open("/console/alpha/infrastructure")
    assert set(states(page)) == {part.value for part in OWN.places}
    assert states(page)["email"] == "problem"
    assert "Whoever runs this installation has been told" in about(page, "email")
    for hidden in ("internal", "10.1.2.3", "SQLite", "ENLIST_"):
        assert hidden not in page.main, hidden
    assert "db.internal" in root.main


def test_it_looks_again_and_changes_only_with_news(console: Console, sealed: None) -> None:
    """B07, as far as the page goes: within 5 seconds."""
    enlist, desk = console.enlist, console.sign_in()
    Sealer(enlist.store).seal_all()
    page = desk.open(ADDRESS)
    every = re.search(r'hx-trigger="every (\d+)s"', page.source)
    assert every is not None
    assert int(every[1]) <= 5
    again = f"{ADDRESS}?watched={marked(page)}"
    assert desk.open(again, hx_request="true").status == 204
    enlist.store.write(lambda tx: channel_health.unreachable(tx, "email", "gone"))
    news = desk.open(again, hx_request="true")
    assert states(news)["email"] == "attention"
    assert marked(news) != marked(page)


@pytest.mark.parametrize(
    ("octets", "shown"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (25_000_000, "25 MB"), (3 * 10**15, "3000 TB")],
)
def test_a_size_is_told_as_people_tell_it(octets: int, shown: str) -> None:
    assert size(octets) == shown
