"""A device that somebody enrolled for others is handed out and taken back, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

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


@pytest.mark.parametrize("view", VIEWS)
def test_a_device_is_handed_out_and_taken_back(filled: Filled, view: dict[str, object]) -> None:
    """A63, A64; and where a user may enroll (A49)."""
    watched = filled.watch("administrator", reduced_motion="reduce", **view)
    page = watched.page
    device = f"/console/main/devices/{filled.tickets['intercepted'].device_id}"
    page.goto(device)
    page.get_by_role("link", name="alan", exact=True).first.click()
    user = page.url
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Staging").select_option("multiple_user_single_user_advanced")
    looked_at(watched, "staging-user")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Where to enroll").click()
    page.get_by_label("Group IDs").fill("engineering\nnowhere")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#organizations-error")).to_contain_text("nowhere")
    watched.forget("422")
    looked_at(watched, "authorize-wrong")
    page.goto(user)
    looked_at(watched, "staging-user-shown")

    page.goto(device)
    page.get_by_role("link", name="Hand out").click()
    looked_at(watched, "hand-out")
    page.get_by_label("New user").fill("nobody")
    page.get_by_role("button", name="Hand it out").click()
    expect(page.locator("#user-error")).to_contain_text("no such user")
    watched.forget("422")
    looked_at(watched, "hand-out-wrong")
    page.get_by_label("New user").fill("ada")
    page.get_by_role("button", name="Hand it out").click()
    expect(page.get_by_text("is ada's now, as it is.")).to_be_visible()
    expect(page.get_by_text("Comes back to")).to_be_visible()
    looked_at(watched, "handed-out")
    page.get_by_role("link", name="Take back").click()
    page.get_by_role("button", name="Hand it out").click()
    expect(page.get_by_text("is alan's now, as it is.")).to_be_visible()
    watched.calm()
