"""The infrastructure diagram in a browser: by mouse, by keyboard, on a phone, while it lives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from enlist.core.diagnosis import fine
from enlist.core.infrastructure import GRACE, Surroundings
from enlist.core.secrets import Secret
from enlist.store import channel_health
from enlist.verbs.sealing import Sealer
from enlist.verbs.self_service import AskForCredentials
from tests.browser.pages import picture, type_login
from tests.browser.public_pages import (
    DESK,
    PHONE,
    OpenBrowser,
    Site,
    axe,
    check,
    open_browser,
    served,
    store_kind,
)
from tests.installation import ADMINISTRATOR, Enlist

__all__ = ["axe", "open_browser", "store_kind"]

DIAGRAM = "/console/main/infrastructure"
AROUND = Surroundings(
    web="0.0.0.0:443",
    web_speaks="HTTPS with /etc/enlist/web.pem",
    device="0.0.0.0:8443",
    database="/var/lib/enlist/enlist.sqlite3",
    email="mail.example.com:587, STARTTLS",
    findings={
        "web-certificate": fine("enroll.example.com, ends in 74 days"),
        "device-certificate": fine("enroll.example.com, ends in 391 days"),
        "disk-space": fine("212 GiB free under /var/lib/enlist"),
        "backup": fine("2026-03-02T02:00:00Z, with every key"),
        "room": fine("3 of 100000 live enrollments"),
    },
)


@pytest.fixture
def site(enlist: Enlist) -> Iterator[Site]:
    """A console whose process knows something of itself."""
    with served(enlist, lambda app: app, surroundings=lambda: AROUND) as one:
        yield one


def face(page: Page, part: str) -> Locator:
    return page.locator(f"#part-{part}")


def about(page: Page, part: str) -> Locator:
    return page.locator(f"#about-{part}")


def away(site: Site) -> None:
    """The mail server has been away for some time."""
    now = site.enlist.clock.now
    site.enlist.clock.now = now - GRACE
    site.enlist.store.write(lambda tx: channel_health.unreachable(tx, "email", "no answer"))
    site.enlist.clock.now = now


def test_by_mouse_by_keyboard_and_while_it_lives(
    site: Site, open_browser: OpenBrowser, axe: str
) -> None:
    enlist = site.enlist
    for name in ("ada", "bob"):
        enlist.redeem(enlist.register(name).token)
    enlist.clock.advance(minutes=1)
    watched = open_browser(viewport=DESK)
    watched.sign_in()
    Sealer(enlist.store).seal_all()
    page = watched.page
    page.get_by_role("link", name="Infrastructure diagram").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Infrastructure diagram")
    expect(page.get_by_role("status")).to_have_text("Everything works")
    check(watched, site, axe, "diagram")
    picture(page, "diagram")

    # A popup stays while the pointer goes there, and while it is in it.
    expect(about(page, "database")).to_be_hidden()
    face(page, "database").hover()
    expect(about(page, "database")).to_contain_text("212 GiB free")
    about(page, "database").hover()
    expect(about(page, "database")).to_be_visible()
    picture(page, "diagram-popup")
    page.keyboard.press("Escape")
    expect(about(page, "database")).to_be_hidden()
    page.mouse.move(5, 5)
    face(page, "email").click()
    page.mouse.move(5, 5)
    expect(about(page, "email")).to_be_visible()  # it was pressed, so it stays
    face(page, "email").click()
    expect(about(page, "email")).to_be_hidden()
    page.mouse.move(5, 5)

    # Tab goes from part to part, and into what a popup leads to.
    face(page, "log").focus()
    expect(about(page, "log")).to_be_visible()
    expect(face(page, "log")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Events").last).to_be_focused()
    check(watched, site, axe, "popup")
    page.keyboard.press("Escape")
    expect(face(page, "log")).to_be_focused()
    expect(about(page, "log")).to_be_hidden()
    expect(face(page, "log")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(about(page, "log")).to_be_visible()

    # News comes by itself, and takes nobody's popup or focus away.
    page.evaluate("window.stayed = true")
    away(site)
    expect(page.get_by_role("status")).to_have_text("There is a problem", timeout=6000)
    expect(page.locator("#node-email")).to_contain_text("Problem")
    expect(face(page, "log")).to_be_focused()
    expect(about(page, "log")).to_be_visible()
    expect(face(page, "log")).to_have_attribute("aria-expanded", "true")
    assert page.evaluate("window.stayed")
    face(page, "email").hover()
    expect(about(page, "email")).to_contain_text("no answer")
    picture(page, "diagram-mail-red")
    watched.assert_well_behaved(site)


def test_the_passcode_both_ways_and_while_it_is_guessed(
    site: Site, open_browser: OpenBrowser, axe: str
) -> None:
    """Seed 001: *Generate new* by the action button, then by the popup; B07: failed attempts are
    seen within 5 seconds; and *Disable*.
    """
    enlist = site.enlist
    enlist.user("ada")
    enlist.set(passcode_attempts=5)
    watched = open_browser(viewport=DESK)
    watched.sign_in()
    page = watched.page
    page.goto(DIAGRAM)
    page.get_by_role("button", name="Actions for Self-service enrollment").click()
    menu = page.locator("#menu-self-service")
    expect(menu.get_by_role("link", name="Generate new")).to_be_visible()
    expect(about(page, "self-service")).to_be_hidden()
    check(watched, site, axe, "menu")
    picture(page, "passcode-menu")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.keyboard.press("Enter")
    menu.get_by_role("link", name="Generate new").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Generate a company passcode?")
    check(watched, site, axe, "generate")
    picture(page, "passcode-generate")
    watched.press("Generate new")
    first = page.locator("#passcode").inner_text()
    expect(page.get_by_role("button", name="Copy the passcode")).to_be_visible()
    check(watched, site, axe, "made")
    picture(page, "passcode-made")
    page.emulate_media(media="print")
    expect(page.locator("#passcode")).to_be_visible()
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.locator(".side")).to_be_hidden()
    picture(page, "passcode-paper")
    page.emulate_media(media="screen")

    page.get_by_role("link", name="I have it").click()
    face(page, "self-service").hover()
    expect(about(page, "self-service")).to_contain_text(ADMINISTRATOR)
    page.evaluate("window.stayed = true")
    for times in range(1, 6):
        asked = AskForCredentials("ada@example.com", Secret("aaaaBBBB1111"), "linux")
        enlist.perform(asked, enlist.stranger())
        told = f"{times} of 5"
        expect(about(page, "self-service")).to_contain_text(told, timeout=5000)
    expect(page.locator("#node-self-service .part-state")).to_have_text("Locked")
    assert page.evaluate("window.stayed")
    expect(about(page, "self-service")).to_be_visible()
    Sealer(enlist.store).seal_all()
    picture(page, "passcode-locked")
    about(page, "self-service").get_by_role("link", name="Generate new").click()
    watched.press("Generate new")
    assert page.locator("#passcode").inner_text() != first
    page.get_by_role("link", name="I have it").click()
    face(page, "self-service").focus()
    about(page, "self-service").get_by_role("link", name="Disable").click()
    check(watched, site, axe, "disable")
    picture(page, "passcode-disable")
    watched.press("Disable")
    expect(page.locator("#node-self-service .part-state")).to_have_text("Off")
    watched.assert_well_behaved(site)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_on_a_phone_each_part_is_a_card(
    site: Site, open_browser: OpenBrowser, axe: str, scheme: str
) -> None:
    """Without a script as well: a press opens a card, the next one closes it."""
    site.enlist.clock.advance(minutes=1)
    away(site)
    watched = open_browser(
        viewport=PHONE, has_touch=True, color_scheme=scheme, java_script_enabled=scheme == "dark"
    )
    watched.page.goto("/sign-in")
    page = watched.page
    type_login(page)
    page.get_by_role("button", name="Sign in").click()
    Sealer(site.enlist.store).seal_all()
    page.goto(DIAGRAM)
    expect(page.locator(".wires")).to_be_hidden()
    expect(about(page, "email")).to_be_hidden()
    face(page, "email").tap()
    expect(about(page, "email")).to_contain_text("no answer")
    face(page, "web").tap()
    expect(about(page, "web")).to_contain_text("0.0.0.0:443")
    expect(about(page, "email")).to_be_hidden()
    if scheme == "dark":
        face(page, "web").tap()
        expect(about(page, "web")).to_be_hidden()
        face(page, "email").tap()
        check(watched, site, axe, "phone")
        picture(page, "diagram")
    face(page, "self-service").tap()
    about(page, "self-service").get_by_role("link", name="Generate new").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Generate a company passcode?")
    page.get_by_role("button", name="Generate new").click()
    expect(page.locator("#passcode")).to_be_visible()
    if scheme == "dark":
        check(watched, site, axe, "passcode")
        picture(page, "passcode-made")
