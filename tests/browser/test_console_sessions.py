"""The page of live sessions: it looks again by itself, and hanging up is two clicks."""

from __future__ import annotations

from playwright.sync_api import expect

from enlist.core.clock import HOUR, system_clock
from enlist.core.ids import Id
from enlist.store.sqlite import SqliteStore
from tests.browser.console_data import Filled
from tests.connections import live_session

LIST = "/console/main/sessions"
PHONE = {"width": 390, "height": 844}


def connect(filled: Filled, ticket: str) -> Id:
    """A device connects, as the store has it; to a process that counts as alive for an hour."""
    path = filled.server.data / "enlist.sqlite3"
    store = SqliteStore(path, lambda: system_clock() + HOUR)
    try:
        return live_session(store, filled.tickets[ticket].device_id)
    finally:
        store.close()


def test_a_device_that_connects_appears_and_is_disconnected(filled: Filled) -> None:
    watched = filled.watch("operator")
    page = watched.page
    page.goto(LIST)
    device_id = filled.tickets["waiting"].device_id
    row = page.locator(f"tbody tr:has(a[href$='{device_id}'])")
    expect(row).to_have_count(0)
    connect(filled, "waiting")
    expect(row).to_have_count(1)
    row.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("was disconnected.")).to_be_visible()
    expect(row).to_have_count(0)
    watched.calm()


def test_axe_finds_nothing_serious(filled: Filled) -> None:
    session_id = connect(filled, "begun")
    watched = filled.watch("operator", reduced_motion="reduce")
    for address in (LIST, f"{LIST}?q=zzz", f"{LIST}/{session_id}/disconnect"):
        watched.page.goto(address)
        assert watched.axe_in_both_themes() == [], address
    watched.calm()


def test_the_list_fits_a_phone(filled: Filled) -> None:
    connect(filled, "expired")
    watched = filled.watch("operator", viewport=PHONE)
    watched.page.goto(LIST)
    expect(watched.page.get_by_role("link", name="Disconnect").first).to_be_visible()
    assert watched.overflow() == 0
    watched.calm()
