"""Groups, restrictions, allow and deny lists in a real browser: one journey, and axe at each stop.

The installation is this module's own: what is restricted and denied here would be in others' way.
"""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.console_data import Filled
from tests.browser.watching import Watched

LISTS = "/console/engineering/device-lists"


def looked_at(watched: Watched, theme: str) -> None:
    """Nothing that axe finds serious, nothing wider than the window."""
    expect(watched.page.locator("html")).to_have_attribute("data-bs-theme", theme)
    assert watched.axe() == [], watched.page.url
    assert watched.overflow() <= 0, watched.page.url


def find(watched: Watched, words: str, label: str) -> None:
    """To a page by Ctrl-K."""
    page = watched.page
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    page.locator("#found a").filter(has_text=label).first.click()


def test_from_a_group_to_a_restriction_to_a_denied_device(filled: Filled) -> None:
    """A44-A46, A51-A55, by the words of seed 000."""
    watched = filled.watch("administrator", color_scheme="dark", reduced_motion="reduce")
    page = watched.page
    page.goto("/console/engineering/")
    find(watched, "user groups", "Groups")
    looked_at(watched, "dark")
    page.get_by_role("link", name="Add the first group").click()
    page.get_by_label("Name").fill("Field staff")
    page.get_by_role("button", name="Add this group").click()
    page.get_by_label("Who shall be a member").press_sequentially("ad")
    page.get_by_role("option").filter(has_text="ada").first.click()
    page.get_by_role("button", name="Add to the group").click()
    expect(page.get_by_text("ada is a member now.")).to_be_visible()
    looked_at(watched, "dark")

    find(watched, "enrollment restrictions", "Enrollment restrictions")
    looked_at(watched, "dark")
    page.get_by_role("link", name="Add a restriction").click()
    looked_at(watched, "dark")
    page.get_by_label("Name", exact=False).first.fill("Vans")
    page.get_by_label("Counts for").select_option(label="Field staff (engineering)")
    page.get_by_label("No, no device at all").check()
    expect(page.get_by_role("heading", name="Which devices")).to_be_hidden()
    page.get_by_label("Yes, within what follows").check()
    page.get_by_label("Android", exact=True).first.check()
    page.get_by_label("Devices of a user").fill("2")
    page.get_by_role("button", name="Add this restriction").click()
    row = page.get_by_role("row").filter(has_text="Vans")
    expect(row).to_contain_text("Devices a user: 2 at most")
    expect(row).to_contain_text("In force")

    deny(filled, watched)
    watched.forget("422")
    watched.calm()


def deny(filled: Filled, watched: Watched) -> None:
    page = watched.page
    device = filled.tickets["enrolled"].device_id
    page.goto(f"/console/engineering/devices/{device}/edit")
    name = page.locator("#name").input_value()
    page.locator("#serial").fill("PF-1234")
    page.get_by_role("button", name="Save").click()
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto(f"{LISTS}/deny")
    numbers = page.get_by_label("Numbers")
    numbers.fill("\n".join(f"SN-{number:04}" for number in range(31)))
    page.get_by_role("button", name="Show what would end").click()
    expect(page.locator("#numbers-error")).to_contain_text("There are 31; must be 1 to 30")
    looked_at(watched, "dark")
    page.get_by_label("Numbers").fill("PF-1234\nPF-5678")
    page.get_by_role("button", name="Show what would end").click()
    expect(page.get_by_role("heading", name="Deny 2 devices?")).to_be_visible()
    expect(page.locator(".consequences")).to_contain_text(f"{name} of")
    looked_at(watched, "dark")
    page.get_by_role("button", name="Deny them").click()
    expect(page.get_by_text("Put on the list: 2. Un-enrolled: 1.")).to_be_visible()
    looked_at(watched, "dark")
    page.get_by_role("link", name="Remove PF-5678").click()
    page.get_by_role("button", name="Take it off the list").click()
    expect(page.get_by_text("PF-5678 is on the list no more.")).to_be_visible()
    page.goto("/console/engineering/imports/new?kind=deny")
    expect(page.get_by_label("Deny list")).to_be_checked()
    looked_at(watched, "dark")
    page.goto(f"/console/engineering/devices/{device}")
    expect(page.locator(".standing")).to_contain_text("Unenrolled")
