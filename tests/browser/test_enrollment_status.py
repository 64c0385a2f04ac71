"""Enrollment Status in a browser: one act on many, from the ticks to the last result."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.console_data import Filled
from tests.browser.pages import picture

LIST = "/console/main/enrollments"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_many_are_given_an_ownership_and_moved(filled: Filled, theme: str) -> None:
    """A43: the form begins with what they have, a bar shows how far it is, refusals are told."""
    watched = filled.watch("operator", color_scheme=theme)
    page = watched.page
    page.goto(f"{LIST}?token_status=active&size=100")
    picture(page, "list")
    page.get_by_label("Tick all on this page").check()
    page.get_by_role("button", name="Change ownership").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Change the ownership of")
    picture(page, "own")
    assert watched.axe(theme) == []
    chosen = "employee_owned" if theme == "light" else "corporate_shared"
    page.get_by_label("Ownership").select_option(chosen)
    page.get_by_role("button", name="Change them").click()
    expect(page.get_by_role("heading", name="Changed ")).to_be_visible()
    page.goto(f"{LIST}?ownership={chosen}&token_status=active")
    page.get_by_label("Tick all on this page").check()
    page.get_by_role("button", name="Change organization").click()
    expect(page.locator("#organization")).to_have_value("")
    picture(page, "move")
    page.locator("#organization").select_option("sales")
    page.set_viewport_size({"width": 360, "height": 740})
    picture(page, "move")
    assert watched.overflow() == 0
    page.get_by_role("button", name="Move them").click()
    expect(page.get_by_role("heading", name="Moved 0 of")).to_be_visible()
    expect(page.locator("#results-of-many")).to_contain_text("must be the user's organization")
    picture(page, "moved")
    assert watched.overflow() == 0
    watched.calm()


def test_a_view_is_kept_and_shared(filled: Filled) -> None:
    """From the filters to a button beside the list, at a desk and on a phone."""
    watched = filled.watch("operator")
    page = watched.page
    page.goto(LIST)
    page.get_by_label("Platform").select_option("ios")
    page.get_by_text("Save this view").click()
    page.get_by_label("Name of the view").fill("iPhones of everybody, whatever they wait for")
    page.get_by_label("For all who see").check()
    picture(page, "view-save")
    assert watched.axe() == []
    page.set_viewport_size({"width": 360, "height": 740})
    picture(page, "view-save")
    assert watched.overflow() == 0
    page.get_by_role("button", name="Save", exact=True).click()
    name = "Shared: iPhones of everybody, whatever they wait for"
    expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "true")
    page.goto(LIST)
    page.get_by_role("link", name=name).click()
    expect(page.get_by_label("Platform")).to_have_value("ios")
    picture(page, "view")
    page.get_by_role("button", name="Delete the view").click()
    expect(page.get_by_text("The view is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    watched.calm()
