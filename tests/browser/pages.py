"""What a test does on any page in a browser: sign in by the form, take a picture for people."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.installation import ADMINISTRATOR, PASSWORD


def type_login(page: Page, username: str = ADMINISTRATOR) -> None:
    """Say who somebody is, where a page asks for it."""
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)


def picture(page: Page, name: str) -> None:
    """The whole page as it looks now, put into the folder that `ENLIST_PICTURES` names, if any."""
    if folder := os.environ.get("ENLIST_PICTURES"):
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        width = page.evaluate("innerWidth")
        file = f"{name}-{width}-{'dark' if dark else 'light'}.png"
        page.screenshot(path=Path(folder) / file, full_page=True)


def user_id(page: Page, username: str) -> str:
    """The id of a user, through the list as people use it."""
    page.goto("/console/main/users")
    page.get_by_label("Search by name, e-mail or phone").fill(username)
    link = page.get_by_role("link", name=username, exact=True)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    address = link.get_attribute("href")
    assert address is not None
    return address.rpartition("/")[2]
