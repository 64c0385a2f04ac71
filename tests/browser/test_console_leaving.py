"""People who leave, in a real browser, with a real server behind it that carries it out."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from playwright.sync_api import expect

from tests.browser.console_data import Filled
from tests.browser.pages import user_id


def test_somebody_leaves_at_a_time_stays_after_all_and_leaves_at_once(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto(f"/console/main/users/{user_id(page, 'grace')}")
    page.get_by_role("link", name="Offboard", exact=True).click()
    ends = page.locator(".consequences")
    expect(ends).to_contain_text(re.compile(r"\d+ certificates are revoked"))
    expect(ends).to_contain_text(re.compile(r"\d+ tokens or links stop working"))
    soonest = datetime.fromisoformat(page.get_by_label("When").get_attribute("min") or "")
    page.get_by_label("When").fill((soonest + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Offboard this user").click()
    expect(page.get_by_text("Until then, nothing changes for grace.")).to_be_visible()
    expect(page.get_by_role("note")).to_contain_text("Leaves")
    expect(page.locator(".subtitle")).to_contain_text("Active")

    page.get_by_role("button", name="Cancel the offboarding").click()
    expect(page.get_by_text("Cancelled. grace stays.")).to_be_visible()
    expect(page.get_by_role("note")).to_have_count(0)

    page.get_by_role("link", name="Offboard", exact=True).click()
    page.get_by_role("button", name="Offboard this user").click()
    expect(page.get_by_text("grace was offboarded: all ways in have ended.")).to_be_visible()
    expect(page.locator(".subtitle")).to_contain_text("Disabled")
    expect(page.get_by_text("Certificates revoked:")).to_be_visible()
    watched.calm()


def test_somebody_is_erased_by_typing_the_name(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto(f"/console/main/users/{user_id(page, 'alan')}")
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("link", name="Erase the person instead").click()
    expect(page.locator(".consequences")).to_contain_text("Kept: what happened and when")
    page.get_by_label("Type the user name to confirm").fill("grace")
    page.get_by_role("button", name="Erase this person").click()
    expect(page.locator("#confirm-error")).to_contain_text("type the user name")
    page.get_by_label("Type the user name to confirm").fill("alan")
    page.get_by_role("button", name="Erase this person").click()
    expect(page.get_by_text(re.compile(r"was erased, also from \d+ events"))).to_be_visible()
    page.goto("/console/main/search?q=alan")
    expect(page.get_by_role("main")).not_to_contain_text("alan@example.com")
    watched.forget("422")
    watched.calm()
