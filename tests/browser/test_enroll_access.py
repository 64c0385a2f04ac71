"""Every public page, as everybody needs it: axe finds nothing serious, nothing overflows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from enlist.delivery.channels import CapturedMessage
from tests.browser.public_pages import (
    DESK,
    IPHONE,
    PHONE,
    OpenBrowser,
    Site,
    Watched,
    axe,
    check,
    open_browser,
    site,
    store_kind,
)
from tests.installation import PASSWORD, Ticket

__all__ = ["axe", "open_browser", "site", "store_kind"]


def present(window: Watched, ticket: Ticket) -> None:
    window.page.goto("/enroll")
    window.page.locator("#field").fill(ticket.token.reveal())
    window.press("Continue")


def enrolling(window: Watched, site: Site) -> Iterator[str]:
    """Every look of the enrollment page in turn."""
    page, enlist = window.page, site.enlist
    laptop = enlist.register(name="Ada's laptop with quite a long name, but who is to judge")
    other = enlist.register(name="Ada's Mac", platform="macos")
    phone = enlist.register(name="Ada's phone", platform="ios")
    gone = enlist.register(name="gone")
    enlist.revoke(gone.enrollment_id)
    page.goto("/enroll")
    yield "form"
    page.locator(".help summary").click()
    page.locator(".fold summary").click()
    yield "form, unfolded"
    page.locator("#field").fill("ABCDEFGH23")
    window.press("Continue")
    yield "wrong token"
    for name, ticket in (("laptop", laptop), ("other", other), ("phone", phone)):
        present(window, ticket)
        yield f"check: {name}"
        window.press("Start enrolling")
        yield f"next: {name}"
    shown = page.locator("#code").inner_text()
    progress = page.locator("[data-progress]").get_attribute("data-progress")
    assert progress is not None
    page.goto(progress)
    yield "not joined yet"
    enlist.redeem(shown, platform="ios")
    page.goto(progress)
    yield "joined"
    page.goto("/enroll")
    present(window, gone)
    yield "refused"
    page.goto("/no-such-page")
    yield "not found"


def living(window: Watched, site: Site) -> Iterator[str]:
    """Every look of the portal in turn."""
    page, enlist = window.page, site.enlist
    enlist.user("ada")
    page.goto("/sign-in")
    yield "sign in"
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill("wrong")
    window.press("Sign in")
    yield "wrong password"
    enlist.clock.advance(seconds=5)
    page.get_by_label("Password").fill(PASSWORD)
    window.press("Sign in")
    yield "no devices"
    page.get_by_role("link", name="Add a device").click()
    yield "add a device"
    page.get_by_label("Name of the device").fill("Ada's laptop with quite a long name, so what")
    page.get_by_label("Platform").select_option("linux")
    page.get_by_label("Phone").fill("0171")
    window.press("Save")
    yield "wrong phone"
    page.get_by_label("Phone").fill("")
    window.press("Save")
    yield "device"
    page.get_by_role("link", name="View enrollment message").click()
    yield "message"
    enlist.redeem(enlist.register("ada", name="Ada's phone").token)
    page.goto("/my-devices")
    yield "my devices"
    page.get_by_role("link", name="Ada's phone").click()
    page.get_by_role("link", name="Delete this device").click()
    yield "delete?"
    page.goto("/my-devices/new")
    yield "add a device, locked"
    page.goto("/account")
    yield "account"
    page.get_by_label("First name").fill("Ada")
    window.press("Save")
    yield "saved"
    page.get_by_label("Present password").fill("x" * 12)
    page.get_by_label("New password", exact=True).fill("y" * 12)
    page.get_by_label("New password once more").fill("z" * 12)
    window.press("Change password")
    yield "passwords differ"
    page.goto("/confirm?next=/account")
    yield "confirm"
    page.goto("/sign-out")
    yield "sign out?"
    window.press("Sign out")
    yield "signed out"
    page.goto("/setup#t=0123456789")
    expect(page.get_by_label("One-time link")).to_have_value("0123456789")
    expect(page).to_have_url(f"{site.url}/setup")
    yield "set up"
    page.goto("/demo/mailbox")
    yield "empty mailbox"
    body = "<!DOCTYPE html><html lang=en><head><title>x</title></head><body><main><h1>x</h1>"
    now = enlist.clock()
    site.mailbox.kept.append(CapturedMessage("ada@example.com", "Hello", "x", body, now, ()))
    page.goto("/demo/mailbox")
    yield "mailbox"
    page.goto("/demo/mailbox/1")
    yield "message"


@pytest.mark.parametrize("walk", [enrolling, living])
@pytest.mark.parametrize(
    ("window", "dark_too"),
    [
        ({"viewport": PHONE, "color_scheme": "light", "user_agent": IPHONE}, False),
        ({"viewport": PHONE, "color_scheme": "dark"}, False),
        ({"viewport": DESK, "color_scheme": "light", "reduced_motion": "reduce"}, True),
    ],
    ids=["phone-light", "phone-dark", "desk-both"],
)
def test_every_page_is_accessible(
    site: Site,
    open_browser: OpenBrowser,
    axe: str,
    window: dict[str, object],
    dark_too: bool,
    walk: object,
) -> None:
    watched = open_browser(**window)
    assert callable(walk)
    for name in walk(watched, site):
        check(watched, site, axe, name, dark_too=dark_too)


def test_pages_hold_at_large_text_and_in_german(
    site: Site, open_browser: OpenBrowser, axe: str
) -> None:
    """Longer words, 320 px (400 % zoom of a desktop window; WCAG 1.4.10)."""
    ticket = site.enlist.register(name="Adas Notebook")
    watched = open_browser(viewport={"width": 320, "height": 640}, locale="de-DE")
    page = watched.page
    page.goto("/enroll")
    check(watched, site, axe, "form")
    page.locator("#field").fill(ticket.token.reveal())
    watched.press("Weiter")
    check(watched, site, axe, "check")
    watched.press("Registrierung starten")
    check(watched, site, axe, "next")
    page.goto("/sign-in")
    check(watched, site, axe, "sign in")
