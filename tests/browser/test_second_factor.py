"""A second factor in a real browser: demanded of a role, set up from its picture, and used."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Page, expect

from enlist.core.clock import SECOND
from tests.browser.public_pages import (
    DESK,
    PHONE,
    OpenBrowser,
    Site,
    Watched,
    open_browser,
    site,
    store_kind,
)
from tests.browser.test_enroll_access import axe, check
from tests.installation import ADMINISTRATOR, PASSWORD

__all__ = ["axe", "open_browser", "site", "store_kind"]


def code_of(site: Site, key: str) -> str:
    generator = TOTP(base64.b32decode(key), 6, SHA1(), 30)  # noqa: S303
    return generator.generate(site.enlist.clock.now // SECOND).decode()


def sign_in(window: Watched) -> None:
    window.page.goto("/sign-in")
    window.page.get_by_label("User name").fill(ADMINISTRATOR)
    window.page.get_by_label("Password").fill(PASSWORD)
    window.press("Sign in")


@pytest.mark.parametrize(
    "view",
    [{"viewport": PHONE, "color_scheme": "dark"}, {"viewport": DESK, "color_scheme": "light"}],
    ids=["phone", "desk"],
)
def test_a_role_demands_it_and_the_picture_sets_it_up(
    site: Site,
    open_browser: OpenBrowser,
    axe: str,
    view: dict[str, object],
    zbar: str,
    tmp_path: Path,
) -> None:
    window = open_browser(**view)
    page, clock = window.page, site.enlist.clock
    sign_in(window)
    page.goto("/console/main/roles/second-factor")
    page.get_by_label("Administrator").check()
    _look(page, view, "roles")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("/account/second-factor"))
    check(window, site, axe, "set up")
    _look(page, view, "set-up")
    picture = page.locator(".qr img").get_attribute("src") or ""
    file = tmp_path / "code.png"
    file.write_bytes(base64.b64decode(picture.partition(",")[2]))
    asked = [zbar, "-q", "--raw", str(file)]
    address = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    key = parse_qs(urlsplit(address).query)["secret"][0]
    page.get_by_text("I cannot scan it").click()
    assert page.locator(".typed-key").inner_text().replace(" ", "") == key
    page.get_by_label("Type the code").fill("000000")
    window.press("Turn it on")
    check(window, site, axe, "wrong first code")
    _look(page, view, "set-up-wrong")
    page.get_by_label("Type the code").fill(code_of(site, key))
    window.press("Turn it on")
    check(window, site, axe, "recovery codes")
    _look(page, view, "codes")
    assert page.locator(".codes li").count() == 10
    page.get_by_role("link", name="I have kept them").click()
    page.goto("/account")
    check(window, site, axe, "account")
    _look(page, view, "account")
    page.goto("/account/second-factor/remove")
    check(window, site, axe, "remove?")
    _look(page, view, "remove")
    clock.advance(seconds=60)
    page.context.clear_cookies()
    sign_in(window)
    check(window, site, axe, "code")
    _look(page, view, "code")
    page.get_by_label("Code").fill("000000")
    window.press("Sign in")
    check(window, site, axe, "wrong code")
    _look(page, view, "code-wrong")
    clock.advance(seconds=2)
    page.get_by_label("Code").fill(code_of(site, key))
    window.press("Sign in")
    expect(page).to_have_url(re.compile("/console"))


def _look(page: Page, view: dict[str, object], name: str) -> None:
    """A picture for people, where they ask for one."""
    folder = os.environ.get("PICTURES")
    if folder:
        path = Path(folder) / f"{view['color_scheme']}-{name}.png"
        page.screenshot(path=path, full_page=True)
