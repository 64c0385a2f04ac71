"""The console as administrators live in it, in a real browser on a real server."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.console_data import Filled
from tests.browser.pages import type_login

UUID = r"[0-9a-f-]{36}"


def test_from_sign_in_to_a_revoked_token(filled: Filled) -> None:
    watched = filled.watch("")
    page = watched.page
    page.goto("/console/main/devices?state=enrolled")
    type_login(page)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/console/main/devices\?state=enrolled"))

    page.get_by_role("link", name="Register a device").click()
    page.get_by_label("User").press_sequentially("grac")
    option = page.get_by_role("option", name="grace")
    expect(page.locator("#user-options [role=option]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_label("User")).to_have_value("grace")
    expect(option).to_be_hidden()
    page.get_by_label("Name of the device").fill("Grace's tablet")
    page.get_by_label("Platform").select_option("ios")
    page.get_by_text("Model, serial number and other identifiers").click()
    page.get_by_label("Serial number").fill("F9FXK1")
    page.get_by_role("button", name="Review").click()

    expect(page.get_by_role("heading", name="Is this right?")).to_be_visible()
    expect(page.get_by_text("grace@example.com")).to_be_visible()
    page.get_by_role("button", name="Change something").click()
    expect(page.get_by_label("Serial number")).to_have_value("F9FXK1")
    page.get_by_label("Name of the device").fill("Grace's iPad")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Save and send").click()

    expect(page).to_have_url(re.compile(rf"/console/main/devices/{UUID}$"))
    expect(page.get_by_role("heading", name="Grace's iPad", level=1)).to_be_visible()
    expect(page.get_by_text("on its way to grace")).to_be_visible()
    expect(page.get_by_text("The device may enroll until")).to_be_visible()

    page.get_by_role("link", name="Revoke").click()
    expect(page.get_by_text("It cannot be undone")).to_be_visible()
    page.get_by_label("Reason").fill("wrong person")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Revoked. The token is dead.")).to_be_visible()
    expect(page.locator("main")).to_contain_text("wrong person")
    expect(page.get_by_role("link", name="Resend message")).to_have_count(0)
    page.get_by_role("link", name="Issue a new token").click()
    page.get_by_role("button", name="Issue it").click()
    expect(page.get_by_text("The device may enroll until")).to_be_visible()

    page.get_by_label(re.compile("^Account of")).click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/console/main/devices")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    watched.calm()


def names(page: Page) -> list[str]:
    return page.locator("#results tbody .cell-main a").all_inner_texts()


def test_options_that_come_anew_keep_the_choice(filled: Filled) -> None:
    """Else Enter would send the form where the answer came after the arrow key."""
    page = filled.watch().page
    page.goto("/console/main/devices/new")
    page.get_by_label("User").press_sequentially("grac")
    option = page.locator("#user-options [role=option]")
    expect(option).to_have_count(1)
    page.keyboard.press("ArrowDown")
    option.evaluate("shown => { shown.id = 'before' }")
    page.evaluate("htmx.trigger('#user', 'input')")
    expect(page.locator("#before")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_label("User")).to_have_value("grace")


def test_who_types_faster_than_the_page_is_answered(filled: Filled) -> None:
    """What stood there before the scripts came, and what was typed last, whatever else is asked."""
    page = filled.watch().page
    scripts: list[Route] = []
    page.route("**/htmx.min.js", lambda script: scripts.append(script))  # noqa: PLW0108 - a builtin has no room for a mark
    page.goto("/console/main/devices/new", wait_until="commit")
    field, options = page.get_by_label("User"), page.locator("#user-options [role=option]")
    field.press_sequentially("grac")
    assert scripts
    for script in scripts:
        script.continue_()
    expect(options).to_have_count(1)
    expect(options).to_contain_text("grace")
    page.route(
        "**/choices/users*",
        lambda asked: asked.continue_() if "alan" in asked.request.url else None,
    )
    for typed in ("a", "al", "alan"):
        with page.expect_request("**/choices/users*"):
            field.fill(typed)
    expect(options).to_contain_text(["alan"])


def test_a_list_follows_what_is_typed_and_the_address_follows_the_list(filled: Filled) -> None:
    watched = filled.watch("reader")
    page = watched.page
    page.goto("/console/main/devices")
    page.evaluate("window.stayed = true")
    page.get_by_label("Search by name, user, serial or asset number").press_sequentially("ada's")
    expect(page).to_have_url(re.compile(r"/devices\?q=ada%27s$"))
    expect(page.locator("#results")).not_to_contain_text("grace")
    page.get_by_label("State").select_option("enrolled")
    expect(page).to_have_url(re.compile(r"/devices\?q=ada%27s&state=enrolled$"))
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page).to_have_url(re.compile(r"sort=name$"))
    expect(page.locator("#sort-name")).to_be_focused()
    shown = names(page)
    assert shown == sorted(shown)
    page.get_by_label("State").select_option("")
    expect(page).to_have_url(re.compile(r"/devices\?q=ada%27s&sort=name$"))
    assert page.evaluate("window.stayed"), "the page was never loaded anew"
    page.go_back()
    expect(page).to_have_url(re.compile(r"state=enrolled&sort=name$"))
    expect(page.get_by_label("State")).to_have_value("enrolled")
    expect(page.get_by_label("Search by name")).to_have_value("ada's")
    watched.calm()


def test_pages_turn_in_place(filled: Filled) -> None:
    watched = filled.watch("reader")
    page = watched.page
    page.goto("/console/main/enrollments")
    first = names(page)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    assert not set(first) & set(names(page))
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_text("Page 1")).to_be_visible()
    assert names(page) == first
    watched.calm()


def test_the_finder_opens_by_keyboard_and_finds_pages_by_other_names(filled: Filled) -> None:
    watched = filled.watch("operator")
    page = watched.page
    page.goto("/console/main/enrollments")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search everything")
    expect(field).to_be_focused()
    field.press_sequentially("spare")
    found = page.locator("#found a")
    expect(found.first).to_contain_text("Ada's spare")
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    page.keyboard.press("Control+k")
    field.fill("add device")
    expect(found.first).to_contain_text("Register a device")
    page.keyboard.press("ArrowDown")
    expect(found.first).to_have_class(re.compile("chosen"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/console/main/devices/new$"))
    watched.calm()


def test_the_theme_is_remembered_and_there_before_the_first_paint(filled: Filled) -> None:
    watched = filled.watch("reader", color_scheme="light")
    page = watched.page
    page.goto("/console/main/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.add_init_script(
        "new MutationObserver(() => {"
        " if (document.body) window.first ??= document.documentElement.dataset.bsTheme;"
        "}).observe(document, {childList: true, subtree: true});"
    )
    page.goto("/console/main/devices")
    assert page.evaluate("window.first") == "dark"
    page.get_by_role("button", name="Theme").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="As the system").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    watched.calm()


def test_many_are_ticked_at_once(filled: Filled) -> None:
    watched = filled.watch("operator")
    page = watched.page
    page.goto("/console/main/enrollments?state=expired&q=alan")
    revoke = page.get_by_role("button", name="Revoke")
    expect(revoke).to_be_disabled()
    page.get_by_label("Tick all on this page").check()
    ticked = page.locator("input[name=id]:checked").count()
    assert ticked > 3
    expect(page.get_by_text(f"({ticked})")).to_be_visible()
    page.locator("input[name=id]").first.uncheck()
    expect(page.get_by_text(f"({ticked - 1})")).to_be_visible()
    page.get_by_role("link", name="Expires").click()
    expect(page).to_have_url(re.compile("sort=expires_at"))
    expect(revoke).to_be_disabled()
    page.locator("input[name=id]").nth(0).check()
    page.locator("input[name=id]").nth(1).check()
    revoke.click()
    expect(page.get_by_role("heading", name="Revoke 2 enrollments?")).to_be_visible()
    page.get_by_role("button", name="Revoke them").click()
    expect(page.get_by_role("heading", name="Revoked 2 of 2")).to_be_visible()
    watched.calm()


def test_the_organization_changes_and_the_page_stays(filled: Filled) -> None:
    watched = filled.watch("reader")
    page = watched.page
    page.goto("/console/main/enrollments")
    page.get_by_role("button", name=re.compile("^Organization in force")).click()
    expect(page.get_by_role("link", name="Engineering")).to_be_visible()
    page.get_by_label("Find an organization by name or Group ID").fill("sal")
    expect(page.get_by_role("link", name="Engineering")).to_have_count(0)
    page.get_by_role("link", name="Sales").click()
    expect(page).to_have_url(re.compile("/console/sales/enrollments$"))
    expect(page.get_by_text("No enrollments yet")).to_be_visible()
    watched.calm()


def test_a_narrow_phone_can_do_it_all(filled: Filled) -> None:
    watched = filled.watch("operator", viewport={"width": 360, "height": 740}, has_touch=True)
    page = watched.page
    waiting = filled.tickets["waiting"]
    for address in (
        "",
        "devices",
        "devices/new",
        f"devices/{filled.tickets['intercepted'].device_id}",
        f"devices/{waiting.device_id}/edit",
        f"devices/{waiting.device_id}/delete",
        "enrollments",
        f"enrollments/{waiting.enrollment_id}",
        f"enrollments/{waiting.enrollment_id}/reissue",
        "search?q=ada",
        "switch",
    ):
        page.goto(f"/console/main/{address}")
        assert watched.overflow() <= 0, address
    page.goto("/console/main/")
    page.get_by_role("button", name="Open the navigation").click()
    page.get_by_role("link", name="Devices", exact=True).click()
    expect(page).to_have_url(re.compile("/console/main/devices$"))
    page.get_by_role("link", name="Register a device").click()
    page.get_by_label("User").fill("ada")
    page.get_by_label("Name of the device").fill("Ada's phone")
    page.get_by_label("Platform").select_option("android")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Save and send").click()
    expect(page.get_by_role("heading", name="Ada's phone")).to_be_visible()
    watched.calm()


def test_lists_and_forms_work_without_scripts(filled: Filled) -> None:
    watched = filled.watch("operator", java_script_enabled=False)
    page = watched.page
    page.goto("/console/main/devices")
    page.get_by_label("Search by name, user, serial or asset number").fill("spare")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page).to_have_url(re.compile("sort=name"))
    page.goto("/console/main/devices/new")
    page.get_by_label("User").fill("alan")
    page.get_by_label("Name of the device").fill("Alan's console")
    page.get_by_label("Platform").select_option("linux")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Save and send").click()
    expect(page.get_by_role("heading", name="Alan's console")).to_be_visible()
    watched.calm()


@pytest.mark.parametrize("field", ["name", "user"])
def test_a_refused_form_keeps_what_was_typed(filled: Filled, field: str) -> None:
    watched = filled.watch("operator")
    page = watched.page
    page.goto("/console/main/devices/new")
    page.evaluate("document.querySelector('main form').noValidate = true")
    typed = {"user": "ada", "name": "X", field: "" if field == "name" else "nobody"}
    page.get_by_label("User").fill(typed["user"])
    page.get_by_label("Name of the device").fill(typed["name"])
    page.get_by_label("Platform").select_option("windows")
    page.get_by_role("button", name="Review").click()
    expect(page.locator(f"#{field}-error")).to_be_visible()
    expect(page.locator(f"#{field}")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Platform")).to_have_value("windows")
    watched.forget("422")
    watched.calm()
