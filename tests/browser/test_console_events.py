"""Events and messages in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.console_data import Filled

LIST = "/console/main/events"


def test_from_a_support_code_to_the_device(filled: Filled) -> None:
    """Somebody reads out a code; the help desk finds exactly why."""
    stranger = filled.watch("")
    answer = stranger.page.request.post(
        "/api/v1/attempts", data={"token": filled.tickets["expired"].token.reveal()}
    )
    code = answer.json()["support_code"]
    watched = filled.watch("helpdesk")
    page = watched.page
    page.goto(LIST)
    page.get_by_label("Search, or type a support code").fill(code.lower())
    card = page.locator("#results")
    expect(card).to_contain_text(f"Support code {code}")
    expect(card).to_contain_text("This token has expired. It had expired")
    card.get_by_role("link", name="tried to enroll").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("tried to enroll and was refused")
    page.get_by_role("link", name="Grace's machine 01").first.click()
    expect(page.get_by_role("heading", name="Grace's machine 01", level=1)).to_be_visible()
    watched.calm()


def test_filters_change_the_address_and_back_undoes_them(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto(LIST)
    page.get_by_label("What", exact=True).select_option("possible_interception")
    expect(page).to_have_url(re.compile(r"events\?kind=possible_interception$"))
    expect(page.locator("#results tbody tr")).to_have_count(1)
    expect(page.locator("#results")).to_contain_text("This token has already been used.")
    page.go_back()
    expect(page).to_have_url(re.compile(r"/events$"))
    expect(page.locator("#results tbody tr")).to_have_count(25)
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#results")).to_contain_text("Page 2")
    watched.calm()


def test_events_are_taken_away_as_json_lines(filled: Filled, tmp_path: Path) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto(f"{LIST}?kind=device.registered")
    with page.expect_download() as started:
        page.get_by_role("link", name="Export as JSON lines").click()
    file = tmp_path / "events.jsonl"
    started.value.save_as(file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) > 60
    assert {line["kind"] for line in lines} == {"device.registered"}
    watched.calm()


def test_a_message_leads_to_what_it_is_about(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto("/console/main/messages")
    page.get_by_role("link", name="ada@example.com").click()
    expect(page.get_by_role("heading", name="Message to ada@example.com")).to_be_visible()
    page.get_by_role("link", name="Ada's spare").click()
    expect(page).to_have_url(re.compile(r"/enrollments/[0-9a-f-]{36}$"))
    watched.calm()


def addresses(page: Page) -> list[str]:
    """Every page of events and messages, empty, full and wrong."""
    found = [LIST, f"{LIST}?q=zzz", f"{LIST}?q=BCDF-GHJK-L", f"{LIST}?since=hour"]
    found += ["/console/main/messages", "/console/main/messages?q=zzz"]
    found += ["/console/sales/messages", "/console/sales/events"]
    for start in (f"{LIST}?kind=possible_interception", LIST, "/console/main/messages"):
        page.goto(start)
        link = page.locator("#results tbody a").first.get_attribute("href")
        assert link is not None
        found.append(link)
    page.goto(LIST)
    return found


def test_axe_finds_nothing_serious(filled: Filled) -> None:
    watched = filled.watch("administrator", reduced_motion="reduce")
    wrong: dict[str, list[str]] = {}
    for address in addresses(watched.page):
        watched.page.goto(address)
        if found := watched.axe_in_both_themes():
            wrong[address] = found
    assert not wrong
    watched.calm()


def test_every_page_fits_a_phone(filled: Filled) -> None:
    watched = filled.watch("administrator", viewport={"width": 360, "height": 740})
    for address in addresses(watched.page):
        watched.page.goto(address)
        assert watched.overflow() == 0, address
    watched.calm()
