"""Terms of use in a real browser: published in the console, accepted on the enrollment page."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from enlist.core.terms import TermsText
from enlist.verbs.terms import Draft, PublishTerms
from tests.browser.console_data import Filled
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
EN = TermsText("en", "Use of devices", "# Rules\n\nKeep it **locked**.\n\n- Report its loss.")
DE = TermsText("de", "Nutzung von Geräten", "# Regeln\n\nHalten Sie es **gesperrt**.")


def test_terms_are_read_and_ticked_on_a_german_phone(site: Site, open_browser: OpenBrowser) -> None:
    """A57: without the tick nothing begins; with it the device enrolls, and it is on record."""
    site.enlist.do(PublishTerms("main", Draft((EN, DE))))
    ticket = site.enlist.register()
    window = open_browser(viewport=PHONE, locale="de-DE")
    page = window.page
    page.goto(link(site, ticket))
    window.press("Weiter")
    expect(page.get_by_role("region", name="Nutzung von Geräten")).to_contain_text("gesperrt")
    page.get_by_role("button", name="Registrierung starten", exact=True).click()
    box = page.get_by_role("checkbox")
    expect(box).to_be_focused()  # the browser itself asks for the tick
    assert not site.enlist.rows("attempt")
    box.check()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    window.press("Registrierung starten")
    assert code(site.enlist.redeem(shown_code(window))) == "done"
    assert len(site.enlist.rows("terms_acceptance")) == 1


def test_terms_are_written_with_a_preview_and_withdrawn(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto("/console/engineering/terms")
    page.get_by_role("link", name="Write terms of use").click()
    page.locator("#title\\.en").fill("Use of devices")
    page.locator("#body\\.en").fill("Keep it **locked**.")
    page.get_by_role("button", name="Preview: English").click()
    shown = page.frame_locator("iframe.preview")
    expect(shown.locator("strong")).to_have_text("locked")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 1 is in force.")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Withdraw")).click()
    page.get_by_role("button", name="Withdraw these terms").click()
    expect(page.get_by_text("Nobody has to accept anything")).to_be_visible()
    watched.calm()
