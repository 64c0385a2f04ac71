"""The paths of seeds 000 and 001 in a real browser, as `docs/reference/seed-paths.md` has them."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from enlist.store.enrollment_secrets import first_derivation
from enlist.verbs.templates import PutTemplate, Wording
from tests.browser.pages import type_login
from tests.browser.public_pages import (
    DESK,
    PHONE,
    OpenBrowser,
    Site,
    open_browser,
    site,
    store_kind,
)
from tests.installation import Enlist

__all__ = ["open_browser", "site", "store_kind"]

FOUND = {
    "Devices > Device Settings > Devices & Users > General > Enrollment": "settings",
    "Registered Devices Only": "settings",
    "Require Registration Token": "settings",
    "Registration Token Type": "settings",
    "Registration Token Length": "settings",
    "Token Expiration Time (in hours)": "settings",
    "Accounts > Users > List View": "users",
    "Edit User": "users",
    "Message Type": "users",
    "Add / Edit User": "users/new",
    "Message Template": "templates",
    "Save and Add Device": "devices/new",
    "View Enrollment Message": "messages",
    "Devices > Lifecycle > Enrollment Status": "enrollments",
    "System > Infrastructure diagram": "infrastructure",
    "Company passcode": "infrastructure",
    "Self-service enrollment": "infrastructure",
}
"""What a seed calls a page, and which of ours search finds by that."""


def token(enlist: Enlist) -> str:
    """The only token that there is."""
    (row,) = enlist.rows("enrollment")
    known = enlist.store.read(lambda tx: first_derivation(tx, row["id"]))
    assert known is not None
    keys = enlist.installation.tools.keys
    made = keys.derive_again(
        row["id"], known.generation, known.key_id, known.length, known.alphabet
    )
    return made.reveal()


def test_search_finds_each_page_by_the_seeds_words(site: Site, open_browser: OpenBrowser) -> None:
    watched = open_browser(viewport=DESK)
    watched.sign_in()
    page = watched.page
    for words, address in FOUND.items():
        page.keyboard.press("Control+k")
        page.get_by_role("combobox", name="Search everything").fill(words)
        link = page.locator(f'#found a[href="/console/main/{address}"]')
        expect(link, words).to_be_visible()
        page.keyboard.press("Escape")
    watched.assert_well_behaved(site)


def test_the_console_path(site: Site, open_browser: OpenBrowser) -> None:
    """Users, Edit User, Message Type and Template, Save and Add Device, Save (A12-A15)."""
    enlist = site.enlist
    enlist.user("ada")
    watched = open_browser(viewport=DESK)
    watched.sign_in()
    page = watched.page
    page.get_by_role("link", name="Users").first.click()
    page.get_by_role("link", name="ada", exact=True).first.click()
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_label("First name").fill("Augusta")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Write a template (opens in a new tab)").click()
    expect(opened.value).to_have_url(re.compile("/templates/write"))
    wording = Wording("Welcome", "registration", "email", "en", "Hello", "Come: {EnrollmentUrl}")
    enlist.do(PutTemplate(enlist.root.id, wording))
    opened.value.close()
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.get_by_label("Message template").select_option("Welcome")
    expect(page.get_by_label("First name")).to_have_value("Augusta")
    page.get_by_label("Message type").select_option("email")
    watched.press("Save and add device")
    expect(page.get_by_role("combobox", name="User")).to_have_value("ada")
    page.get_by_label("Name of the device").fill("Ada's phone")
    page.get_by_label("Platform").select_option("ios")
    watched.press("Review")
    expect(page.locator("pre.letter")).to_contain_text("Come: ")
    assert not enlist.rows("message")
    watched.press("Save and send")
    expect(page.get_by_text("on its way to")).to_be_visible()
    (message,) = enlist.rows("message")
    assert (message["recipient"], message["template"]) == ("ada@example.com", "Welcome")
    assert token(enlist) not in page.content()
    watched.assert_well_behaved(site)


def test_the_portal_without_scripts_on_a_phone(site: Site, open_browser: OpenBrowser) -> None:
    """Sign in, Add Device, Save, View Enrollment Message; enroll; then both are read-only
    (A18-A22, A77)."""
    enlist = site.enlist
    enlist.user("ada")
    watched = open_browser(viewport=PHONE, java_script_enabled=False)
    page = watched.page
    page.goto("/sign-in")
    type_login(page, "ada")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Add a device").click()
    page.get_by_label("Name of the device").fill("Ada's phone")
    page.get_by_label("Platform").select_option("linux")
    expect(page.get_by_label("E-mail")).to_have_value("ada@example.com")
    page.get_by_label("Phone").fill("+49 30 123456")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("on its way to ada@example.com")
    assert token(enlist) not in page.content()
    page.get_by_role("link", name="View enrollment message").click()
    expect(page.locator("pre")).to_contain_text("••••")
    page.get_by_role("link", name="Back to the device").click()
    enlist.redeem(token(enlist))
    page.reload()
    expect(page.get_by_role("link", name="View enrollment message")).to_have_count(0)
    page.get_by_role("link", name="My account").click()
    expect(page.get_by_label("E-mail")).not_to_be_editable()
    expect(page.get_by_label("Phone")).not_to_be_editable()
    page.get_by_role("link", name="My devices").click()
    page.get_by_role("link", name="Ada's phone").click()
    page.get_by_role("link", name="Delete this device").click()
    page.get_by_role("button", name="Delete this device").click()
    expect(page.get_by_text("You have no device yet.")).to_be_visible()
