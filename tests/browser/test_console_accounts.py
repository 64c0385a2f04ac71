"""Accounts in a real browser: users, roles, API keys."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.console_data import Filled
from tests.browser.pages import user_id
from tests.serving import PASSWORD

KEY = re.compile(r"enk_\w{12}_\w{32}_\w{6}")


def test_a_user_from_adding_to_deleting(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto("/console/main/users")
    page.get_by_role("link", name="Add a user").click()
    page.get_by_label("User name").fill("katherine")
    page.get_by_label("First name").fill("Katherine")
    page.get_by_label("E-mail").fill("katherine@example.com")
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_role("button", name="Add this user").click()

    expect(page.locator("#time_zone-error")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("First name")).to_have_value("Katherine")
    page.get_by_label("Time zone").fill("America/New_York")
    page.get_by_role("button", name="Add this user").click()
    expect(page.get_by_text("Katherine was added.")).to_be_visible()
    expect(page.get_by_text("America/New_York")).to_be_visible()

    page.get_by_role("link", name="Set a password").click()
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("The password of Katherine was set.")).to_be_visible()

    page.get_by_role("link", name="Disable").click()
    expect(page.get_by_text("Signing in is refused from now on.")).to_be_visible()
    page.get_by_role("button", name="Disable this user").click()
    expect(page.locator(".subtitle")).to_contain_text("Disabled")
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_text("It cannot be undone")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete this user").click()
    expect(page.get_by_text("Katherine was deleted.")).to_be_visible()
    watched.forget("422")
    watched.calm()


def test_deleting_says_what_it_takes_along(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    ada = user_id(page, "ada")
    page.goto(f"/console/main/users/{ada}/delete")
    consequences = page.locator(".consequences")
    expect(consequences).to_contain_text(re.compile(r"\d+ live enrollments die"))
    expect(consequences).to_contain_text(
        re.compile(r"\d+ enrolled devices lose their certificates")
    )
    watched.calm()


def test_a_role_after_proving_oneself_again(filled: Filled) -> None:
    watched = filled.watch("administrator earlier")
    page = watched.page
    page.goto(f"/console/main/users/{user_id(page, 'alan')}")
    page.get_by_role("link", name="Give a role").click()
    expect(page).to_have_url(re.compile(r"/confirm\?"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button").filter(has_text=re.compile("Confirm|Continue")).click()
    expect(page).to_have_url(re.compile(r"/console/main/roles/grant\?user=alan"))
    expect(page.get_by_label("User", exact=True)).to_have_value("alan")
    page.get_by_label("On", exact=True).select_option("sales")
    page.get_by_label("Help desk").check()
    page.get_by_role("button", name="Give this role").click()
    expect(page.get_by_text("alan holds the role Help desk on sales now.")).to_be_visible()

    page.get_by_role("link", name="Take away").click()
    expect(page.get_by_text("gone with the next request")).to_be_visible()
    page.get_by_role("button", name="Take this role away").click()
    expect(page.get_by_text("alan does not hold that role any more.")).to_be_visible()
    watched.calm()


def test_an_api_key_is_copied_once_and_revoked(filled: Filled) -> None:
    watched = filled.watch("administrator")
    watched.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = watched.page
    page.goto("/console/main/api-keys")
    page.get_by_role("link", name="Make an API key").click()
    page.locator("#name").fill("Inventory")
    page.get_by_label("Operator").check()
    page.get_by_label("Be shown tokens instead of having them sent").check()
    page.get_by_label("Only from these addresses").fill("127.0.0.0/8")
    page.get_by_role("button", name="Make this key").click()

    shown = page.locator("#key").inner_text()
    assert KEY.fullmatch(shown)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == shown
    answer = page.request.get("/api/v1/devices", headers={"Authorization": f"Bearer {shown}"})
    assert answer.status == 200

    page.get_by_role("link", name="I have copied it").click()
    row = page.locator("tr", has_text="Inventory")
    expect(row).to_contain_text("127.0.0.1")
    assert shown not in page.content()
    row.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke this key").click()
    expect(page.locator("tr", has_text="Inventory")).to_contain_text("Revoked")
    answer = page.request.get("/api/v1/devices", headers={"Authorization": f"Bearer {shown}"})
    assert answer.status == 401
    watched.calm()


def test_a_first_device_is_asked_for_where_it_is_wanted(filled: Filled) -> None:
    """X42: the fields open with the box, and what is refused leaves them open."""
    watched = filled.watch("administrator")
    page = watched.page
    page.goto("/console/main/users/new")
    name, box = page.get_by_label("Name of the device"), page.get_by_label("Register a first")
    expect(name).to_be_hidden()
    page.get_by_label("User name").fill("dorothy")
    page.get_by_label("E-mail").fill("dorothy@example.com")
    box.check()
    name.fill("Dorothy's tablet")
    page.get_by_role("button", name="Add this user").click()

    expect(page.locator("#platform-error")).to_be_visible()
    expect(name).to_have_value("Dorothy's tablet")
    page.get_by_label("Platform").select_option(label="Android")
    page.get_by_role("button", name="Add this user").click()
    expect(page.get_by_role("heading", name="Dorothy's tablet")).to_be_visible()
    expect(page.get_by_text("is on its way to dorothy@example.com.")).to_be_visible()
    watched.forget("422")
    watched.calm()


def addresses(filled: Filled, page: Page) -> list[str]:
    """Every page of accounts, empty, full and wrong."""
    ada = user_id(page, "ada")
    found = ["users", "users?q=zzz", "users/new", "roles", "roles?q=zzz", "roles/grant"]
    found += ["api-keys", "api-keys?q=zzz", "api-keys/new"]
    found += [f"users/{ada}{do}" for do in ("", "/edit", "/password", "/delete", "/disable")]
    found += [f"users/{ada}/{do}" for do in ("enable", "sign-ins", "offboard", "erase")]
    return [*found, f"users/{user_id(page, 'operator')}"]


def test_axe_finds_nothing_serious(filled: Filled) -> None:
    watched = filled.watch("administrator", reduced_motion="reduce")
    wrong: dict[str, list[str]] = {}
    for address in addresses(filled, watched.page):
        watched.page.goto(f"/console/main/{address}")
        if found := watched.axe_in_both_themes():
            wrong[address] = found
    watched.page.goto("/console/main/users/new")
    watched.page.get_by_label("User name").fill("x")
    watched.page.get_by_label("Phone").fill("1")
    watched.page.get_by_label("Register a first device").check()
    watched.page.get_by_role("button", name="Add this user").click()
    expect(watched.page.locator("#phone-error")).to_be_visible()
    if found := watched.axe_in_both_themes():
        wrong["refused"] = found
    assert not wrong
    watched.forget("422")
    watched.calm()


def test_every_page_fits_a_phone(filled: Filled) -> None:
    watched = filled.watch("administrator", viewport={"width": 360, "height": 740})
    for address in addresses(filled, watched.page):
        watched.page.goto(f"/console/main/{address}")
        assert watched.overflow() == 0, address
    watched.calm()
