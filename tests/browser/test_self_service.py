"""Self-service on a phone and a desktop: the form, what comes after it, and the proof."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from enlist.core.secrets import Secret
from enlist.store import credential_requests
from enlist.verbs.passcodes import DisablePasscode, GeneratePasscode
from enlist.verbs.self_service import AskForCredentials
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


@pytest.mark.parametrize("view", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_from_the_link_to_the_mailbox(
    site: Site, open_browser: OpenBrowser, axe: str, view: dict[str, int], colours: str
) -> None:
    """B28: the passcode comes in the fragment, is filled in, and leaves the address bar."""
    enlist = site.enlist
    enlist.user("ada")
    passcode = enlist.do(GeneratePasscode()).secret.reveal()
    window = open_browser(viewport=view, color_scheme=colours)
    page = window.page
    page.goto(f"{site.url}/self-service/main#t={passcode}")
    expect(page.get_by_label("Company passcode")).to_have_value(passcode)
    expect(page).to_have_url(f"{site.url}/self-service/main")
    check(window, site, axe, "self-service")
    page.get_by_label("E-mail address or user name").fill("ada@example.com")
    page.get_by_label("What do you want to enroll?").select_option("linux")
    window.press("Continue")
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")
    check(window, site, axe, "asked")
    assert len(enlist.store.read(lambda tx: credential_requests.waiting(tx, 9))) == 1
    assert not [r for r in window.requests if passcode in r.url]
    if colours == "light":
        return
    enlist.set(passcode_attempts=3, passcode_lockout="shield")
    for _ in range(3):
        wrong = AskForCredentials("ada@example.com", Secret("aaaaBBBB1111"), "linux")
        enlist.perform(wrong, enlist.stranger())
    page.goto(f"{site.url}/self-service/proof#t=nothing")
    page.get_by_label("Company passcode").fill(passcode)
    window.press("Continue")
    expect(page.get_by_role("alert")).to_contain_text("This link does not work any more")
    check(window, site, axe, "proof")
    enlist.do(DisablePasscode())
    page.goto(f"{site.url}/self-service/main")
    expect(page.locator("form")).to_have_count(0)
    check(window, site, axe, "not available")
