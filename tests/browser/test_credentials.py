"""One-time credentials in a real browser: staff has them sent, a user types them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from enlist.verbs.one_time_credentials import IssueCredentials
from tests.behaviour.credentials import pair
from tests.browser.console_data import Filled
from tests.browser.pages import picture
from tests.browser.public_pages import (
    DESK,
    PHONE,
    OpenBrowser,
    Site,
    axe,
    check,
    open_browser,
    site,
    store_kind,
)
from tests.browser.watching import Watched

__all__ = ["axe", "open_browser", "site", "store_kind"]
VIEWS = [
    {"viewport": {"width": 360, "height": 780}, "color_scheme": "dark"},
    {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
]


def looked_at(watched: Watched, name: str) -> None:
    """Nothing that axe finds serious, nothing too wide; a picture, where somebody asks for one."""
    assert watched.axe() == [], watched.page.url
    assert watched.overflow() <= 0, watched.page.url
    picture(watched.page, name)


@pytest.mark.parametrize("view", VIEWS, ids=["phone", "desk"])
def test_from_the_list_of_users_to_the_enrollment_page(
    filled: Filled, view: dict[str, object]
) -> None:
    watched = filled.watch("administrator", reduced_motion="reduce", **view)
    page = watched.page
    page.goto("/console/engineering/users?q=a")
    for name in ("ada", "alan"):
        page.get_by_label(f"Tick {name}", exact=True).check()
    looked_at(watched, "users-ticked")
    page.get_by_role("button", name="Create enrollment credentials").click()
    page.get_by_label("Enrollment expiration time").fill("9000")
    page.get_by_label("Platform").select_option("linux")
    page.get_by_role("button", name="Create credentials for 2 users").click()
    expect(page.locator("#hours")).to_have_js_property("validity.valid", False)
    page.get_by_label("Enrollment expiration time").fill("48")
    looked_at(watched, "credentials")
    page.get_by_role("button", name="Create credentials for 2 users").click()
    expect(page.get_by_role("heading", name=re.compile(r"Queued \d of 2 messages"))).to_be_visible()
    looked_at(watched, "credentials-sent")
    watched.calm()


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_a_pair_is_typed_and_an_expired_one_leads_on(
    site: Site, open_browser: OpenBrowser, axe: str, size: dict[str, int], scheme: str
) -> None:
    """B14, B15: nothing else is typed, and who comes too late is told where to ask again."""
    site.enlist.user("ada")
    issued = site.enlist.do(IssueCredentials("ada", "linux", hours=1))
    username, password = pair(site.enlist, issued)
    site.enlist.clock.advance(minutes=59)
    window = open_browser(viewport=size, color_scheme=scheme)
    page = window.page
    page.goto("/enroll")
    page.get_by_text("I have a user name and a password").click()
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    check(window, site, axe, "pair typed")
    picture(page, "pair-typed")
    window.press("Continue")
    expect(page.get_by_text("ada's Linux computer").first).to_be_visible()
    site.enlist.clock.advance(minutes=2)
    window.press("Start enrolling")
    expect(page.get_by_role("heading", name="These credentials have expired")).to_be_visible()
    expect(page.get_by_role("link", name="Ask for new ones")).to_be_visible()
    check(window, site, axe, "expired")
    picture(page, "pair-expired")
