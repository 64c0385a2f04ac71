"""Alerts in a real browser: a real server raises one, and a test says why nobody gets an e-mail."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.console_data import Filled
from tests.browser.pages import picture
from tests.browser.public_pages import PHONE
from tests.peers.base import DEADLINE


def test_an_alert_is_seen_everywhere_and_who_is_told_is_tried(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page, banner = watched.page, watched.page.get_by_role("region", name="Open alerts")
    page.goto("/console/main/devices")
    for _ in range(int(DEADLINE)):
        if banner.count():
            break
        page.wait_for_timeout(500)  # the server reads its log every two seconds
        page.reload()
    expect(banner).to_contain_text("A used token came again with another key.")
    picture(page, "banner")
    banner.get_by_role("link").click()
    expect(page.locator("#page")).to_contain_text("If in doubt, reset the device.")
    picture(page, "alerts")
    page.get_by_role("link", name="Change who is told").click()
    page.get_by_label("Further addresses").fill("it@example.com\nnot an address")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#addresses-error")).to_be_visible()
    picture(page, "routes-wrong")
    watched.complaints.clear()  # the browser notes each answer that says no
    page.get_by_label("Further addresses").fill("it@example.com")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Send a test").click()
    row = page.get_by_role("row").filter(has_text="it@example.com")
    expect(row).to_contain_text("cannot be reached")  # the page looks again by itself
    picture(page, "test")
    assert not watched.overflow()
    watched.calm()


def test_the_pages_fit_a_phone_in_the_dark(filled: Filled) -> None:
    watched = filled.watch("administrator", viewport=PHONE, color_scheme="dark")
    page = watched.page
    for place in ("alerts", "alerts/routes", "overview"):
        page.goto(f"/console/main/{place if place != 'overview' else ''}")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        picture(page, place.replace("/", "-"))
