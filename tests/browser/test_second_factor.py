"""A second factor in a real browser: demanded of a role, set up from its picture, and used."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import expect

from enlist.core.clock import SECOND
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


def code_of(site: Site, key: str) -> str:
    generator = TOTP(base64.b32decode(key), 6, SHA1(), 30)  # noqa: S303
    return generator.generate(site.enlist.clock.now // SECOND).decode()


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
    window.sign_in()
    page.goto("/console/main/roles/second-factor")
    page.get_by_label("Administrator").check()
    picture(page, "roles")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("/account/second-factor"))
    check(window, site, axe, "set up")
    picture(page, "set-up")
    code = page.locator(".qr img").get_attribute("src") or ""
    file = tmp_path / "code.png"
    file.write_bytes(base64.b64decode(code.partition(",")[2]))
    asked = [zbar, "-q", "--raw", str(file)]
    address = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    key = parse_qs(urlsplit(address).query)["secret"][0]
    page.get_by_text("I cannot scan it").click()
    assert page.locator(".typed-key").inner_text().replace(" ", "") == key
    page.get_by_label("Type the code").fill("000000")
    window.press("Turn it on")
    check(window, site, axe, "wrong first code")
    picture(page, "set-up-wrong")
    page.get_by_label("Type the code").fill(code_of(site, key))
    window.press("Turn it on")
    check(window, site, axe, "recovery codes")
    picture(page, "codes")
    assert page.locator(".codes li").count() == 10
    page.get_by_role("link", name="I have kept them").click()
    page.goto("/account")
    check(window, site, axe, "account")
    picture(page, "account")
    page.goto("/account/second-factor/remove")
    check(window, site, axe, "remove?")
    picture(page, "remove")
    clock.advance(seconds=60)
    page.context.clear_cookies()
    window.sign_in()
    check(window, site, axe, "code")
    picture(page, "code")
    page.get_by_label("Code").fill("000000")
    window.press("Sign in")
    check(window, site, axe, "wrong code")
    picture(page, "code-wrong")
    clock.advance(seconds=2)
    page.get_by_label("Code").fill(code_of(site, key))
    window.press("Sign in")
    expect(page).to_have_url(re.compile("/console"))
