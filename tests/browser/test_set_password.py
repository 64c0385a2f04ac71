"""A forgotten password in a real browser: asked for, and set anew by the link in the mail (A74)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

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

__all__ = ["axe", "open_browser", "site", "store_kind"]

NEW = "six green turtles swim"


@pytest.mark.parametrize(
    "view",
    [{"viewport": PHONE, "color_scheme": "dark"}, {"viewport": DESK, "color_scheme": "light"}],
    ids=["phone", "desk"],
)
def test_whoever_forgot_his_password_sets_another(
    site: Site, open_browser: OpenBrowser, axe: str, view: dict[str, object]
) -> None:
    site.enlist.user("ada")
    window = open_browser(**view)
    page = window.page
    page.goto("/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    check(window, site, axe, "forgotten")
    picture(page, "forgotten")
    page.get_by_label("User name or e-mail address").fill("ada@example.com")
    window.press("Send me a link")
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    check(window, site, axe, "sent")
    picture(page, "sent")
    (row,) = site.enlist.rows("password_link")
    keys = site.enlist.installation.tools.keys
    link = keys.derive_link_again(row["message_id"], row["derive_key_id"]).reveal()
    page.goto(f"/set-password#t={link}")
    expect(page.get_by_text("Your link has been filled in.")).to_be_visible()
    assert link not in page.url
    check(window, site, axe, "set")
    picture(page, "set")
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_label("Password once more").fill(NEW)
    window.press("Set it and sign in")
    expect(page.get_by_role("heading", name="My devices")).to_be_visible()
    page.goto(f"/set-password#t={link}")
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_label("Password once more").fill(NEW)
    window.press("Set it and sign in")
    expect(page.get_by_text("This link does not work any more")).to_be_visible()
    check(window, site, axe, "used")
    picture(page, "used")
