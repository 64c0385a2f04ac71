"""Optional prompts in a real browser: answered on a German phone, and stored with the device."""

from __future__ import annotations

from playwright.sync_api import expect

from enlist.core.prompts import ASKING, TELLING
from enlist.verbs.organizations import ChangeSettings
from tests.browser.public_pages import (
    PHONE,
    OpenBrowser,
    Site,
    link,
    open_browser,
    shown_code,
    site,
    store_kind,
)
from tests.installation import code

__all__ = ["open_browser", "site", "store_kind"]


def test_what_is_asked_is_answered_on_a_german_phone(site: Site, open_browser: OpenBrowser) -> None:
    """A58: nothing begins without an answer; with it the device enrolls, and the answer is kept."""
    on = dict.fromkeys((*ASKING.values(), *TELLING.values()), True)
    site.enlist.do(ChangeSettings("main", on))
    ticket = site.enlist.register()
    window = open_browser(viewport=PHONE, locale="de-DE")
    page = window.page
    page.goto(link(site, ticket))
    window.press("Weiter")
    expect(page.get_by_text("Willkommen bei")).to_be_visible()
    page.get_by_label("Wem gehört es?").select_option("corporate_shared")
    page.get_by_label("Ihre E-Mail-Adresse").fill("ada@home.example")
    window.press("Registrierung starten")
    wrong = page.get_by_label("Inventarnummer")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert not site.enlist.rows("attempt")
    wrong.fill("IT-0815")
    window.press("Registrierung starten")
    expect(page.get_by_text("verwaltet das Gerät von nun an")).to_be_visible()
    assert code(site.enlist.redeem(shown_code(window))) == "done"
    (row,) = site.enlist.rows("device")
    assert (row["ownership"], row["asset_number"]) == ("corporate_shared", "IT-0815")
