"""A role of one's own in a real browser: put together, given, used at the help desk, deleted."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.console_data import Filled
from tests.browser.pages import picture
from tests.browser.watching import Watched

VIEWS = [
    {"viewport": {"width": 360, "height": 780}, "color_scheme": "dark"},
    {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
]


def looked_at(watched: Watched, name: str) -> None:
    """Nothing that axe finds serious, nothing too wide; a picture, where somebody asks for one."""
    assert watched.axe() == [], watched.page.url
    assert watched.overflow() <= 0, watched.page.url
    picture(watched.page, name)


def support_code(filled: Filled) -> str:
    """What somebody reads out whose token has expired."""
    sent = {"token": filled.tickets["expired"].token.reveal()}
    with filled.server.client() as client:
        return str(client.post("/api/v1/attempts", json=sent).json()["support_code"])


def help_desk(page: Page, code: str) -> None:
    """From the code to the reason, and to the one thing to do."""
    page.goto("/console")
    page.keyboard.press("Control+k")
    page.keyboard.type(code)
    page.locator("#found a").first.click()
    expect(page.get_by_text("expired").first).to_be_visible()
    page.locator("main").get_by_role("link", name="machine 01").first.click()
    expect(page.get_by_role("heading", name="machine 01")).to_be_visible()


@pytest.mark.parametrize(("person", "view"), zip(("alan", "ada"), VIEWS, strict=True))
def test_a_role_from_its_permissions_to_the_help_desk(
    filled: Filled, person: str, view: dict[str, object]
) -> None:
    watched = filled.watch("administrator", reduced_motion="reduce", **view)
    page = watched.page
    page.goto("/console/engineering/roles")
    looked_at(watched, "roles-empty")
    page.get_by_role("link", name="Make a role").first.click()
    page.get_by_role("link", name="Help desk", exact=True).click()
    expect(page.get_by_label("Make a new token that replaces the last one")).to_be_checked()
    page.get_by_label("See message templates").uncheck()
    page.get_by_label("Name", exact=True).fill("Administrator")
    page.get_by_role("button", name="Make this role").click()
    expect(page.locator("#name-error")).to_contain_text("built-in")
    watched.forget("422")
    looked_at(watched, "role-form-wrong")
    page.get_by_label("Name", exact=True).fill("First level")
    page.get_by_label("Description").fill("Finds reasons by support code, and sends anew.")
    page.get_by_role("button", name="Make this role").click()
    expect(page.get_by_text("Nobody holds it yet")).to_be_visible()
    looked_at(watched, "role-new")

    page.get_by_role("link", name="Give this role").first.click()
    page.get_by_label("User", exact=True).fill(person)
    expect(page.get_by_label("First level")).to_be_checked()
    looked_at(watched, "role-grant")
    page.get_by_role("button", name="Give this role").click()
    told = f"{person} holds the role First level on engineering now."
    expect(page.get_by_text(told)).to_be_visible()

    filled.people[person] = person
    helper = filled.watch(person, **view)
    help_desk(helper.page, support_code(filled))
    looked_at(helper, "help-desk")
    expect(helper.page.get_by_role("link", name=re.compile("Reset|Delete"))).to_have_count(0)

    page.goto("/console/engineering/roles")
    looked_at(watched, "roles")
    page.get_by_role("link", name="First level", exact=True).click()
    looked_at(watched, "role")
    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_text("It is held 1 time")).to_be_visible()
    looked_at(watched, "role-edit")
    page.get_by_label("See events").uncheck()
    page.get_by_role("button", name="Save").click()
    helper.page.goto("/console/engineering/events")
    expect(helper.page.get_by_role("alert")).to_be_visible()
    helper.forget("403")

    page.get_by_role("link", name="Delete").click()
    looked_at(watched, "role-delete")
    page.get_by_label("gets another role").check()
    page.get_by_label("Other role", exact=True).select_option("reader")
    page.get_by_role("button", name="Delete this role").click()
    expect(page.get_by_text("The role First level was deleted.")).to_be_visible()
    for each in (watched, helper):
        each.calm()
