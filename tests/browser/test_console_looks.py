"""Every page of the console in light and dark: axe finds nothing serious, nothing is blocked."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.console_data import Filled
from tests.browser.watching import THEMES, Watched


def addresses(filled: Filled) -> list[str]:
    found = ["", "devices", "devices?q=zzz", "devices/new", "enrollments", "enrollments?q=zzz"]
    found += ["search?q=ada", "switch", "nonsense"]
    found += [f"devices/{ticket.device_id}" for ticket in filled.tickets.values()]
    waiting = filled.tickets["waiting"]
    found += [f"enrollments/{filled.tickets[name].enrollment_id}" for name in ("begun", "expired")]
    found += [f"enrollments/{waiting.enrollment_id}/{do}" for do in ("resend", "reissue", "revoke")]
    found += [f"devices/{waiting.device_id}/{do}" for do in ("edit", "delete", "issue")]
    enrolled = filled.tickets["intercepted"].device_id
    ways = ("reassign", "reassign?user=ada", "replace")
    found += [f"devices/{enrolled}/{do}" for do in ways]
    return found


def test_axe_finds_nothing_serious_on_any_page(filled: Filled) -> None:
    watched = filled.watch("administrator", reduced_motion="reduce")
    page = watched.page
    wrong: dict[str, list[str]] = {}
    for number, address in enumerate(addresses(filled)):
        comes_in = THEMES[number % 2]
        page.emulate_media(color_scheme=comes_in)
        page.goto(f"/console/main/{address}")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", comes_in)
        found = watched.axe_in_both_themes()
        if found:
            wrong[address] = found
    for name, open_it in OPENED.items():
        # A page with nothing below the menus: half covered, a button would be too small a target.
        page.goto("/console/main/search")
        open_it(watched)
        found = watched.axe_in_both_themes()
        if found:
            wrong[name] = found
    assert not wrong
    watched.forget("404")
    watched.calm()


def finder(watched: Watched) -> None:
    watched.page.keyboard.press("Control+k")
    watched.page.keyboard.type("ada")
    expect(watched.page.locator("#found a").first).to_be_visible()


def switcher(watched: Watched) -> None:
    watched.page.locator("#switcher").click()
    expect(watched.page.get_by_role("link", name="Engineering")).to_be_visible()


def account(watched: Watched) -> None:
    watched.page.locator("#account").click()
    expect(watched.page.get_by_role("button", name="Sign out")).to_be_visible()


def picker(watched: Watched) -> None:
    watched.page.goto("/console/main/devices/new")
    watched.page.get_by_label("User").press_sequentially("a")
    expect(watched.page.get_by_role("option").first).to_be_visible()


def ticked(watched: Watched) -> None:
    watched.page.goto("/console/main/enrollments")
    watched.page.get_by_label("Tick all on this page").check()
    # Where the list ends: further up the bar may half cover a row, and so what is to be ticked.
    watched.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")


def review(watched: Watched) -> None:
    page = watched.page
    page.goto("/console/main/devices/new")
    page.get_by_label("User").fill("ada")
    page.get_by_label("Name of the device").fill("x")
    page.get_by_label("Platform").select_option("linux")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("heading", name="Is this right?")).to_be_visible()


OPENED = {
    "finder": finder,
    "switcher": switcher,
    "account": account,
    "picker": picker,
    "ticked": ticked,
    "review": review,
}
"""What only shows once somebody has pressed something."""


def test_axe_would_notice(filled: Filled) -> None:
    watched = filled.watch("reader")
    watched.page.goto("/console/main/")
    watched.page.evaluate("document.querySelector('.brand img').removeAttribute('alt')")
    assert any("image-alt" in each for each in watched.axe())
    assert watched.axe("dark") == []
    watched.page.evaluate("document.querySelector('h1').style.color = '#eee'")
    assert any("color-contrast" in each for each in watched.axe("dark"))


def test_a_blocked_style_would_be_noticed(filled: Filled) -> None:
    watched = filled.watch("reader")
    watched.page.goto("/console/main/")
    with watched.page.expect_console_message():
        watched.page.evaluate("document.body.setAttribute('style', 'color: red')")
    with pytest.raises(AssertionError):
        watched.calm()


def test_long_names_widen_no_page(filled: Filled) -> None:
    """A name without a space is broken: it pushes no column out of its card or the window."""
    desktop = filled.watch("administrator", viewport={"width": 1280, "height": 800})
    page = desktop.page
    page.goto("/console/main/users/new")
    page.get_by_label("User name").fill("n" * 60)
    page.get_by_label("Last name").fill("Wolfeschlegelsteinhausenbergerdorff" * 2)
    page.get_by_label("E-mail").fill(f"{'m' * 50}@{'d' * 50}.example.com")
    page.get_by_label("Register a first device").check()
    page.get_by_label("Name of the device").fill("h" * 60 + ".internal.example.com")
    page.get_by_label("Platform").select_option("linux")
    page.get_by_role("button", name="Add this user").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("hhhh")
    device = page.url
    phone = filled.watch("administrator", viewport={"width": 360, "height": 740})
    for watched in (desktop, phone):
        for name in ("", "users", "devices", "enrollments", "messages", "events"):
            watched.page.goto(f"/console/main/{name}")
            assert watched.overflow() == 0, name
        watched.page.goto(device)
        assert watched.overflow() == 0
        watched.calm()


def test_a_phone_shows_every_filter_in_full(filled: Filled) -> None:
    """What it filters by and what is chosen; nine of them on the page of enrollments."""
    page = filled.watch("operator", viewport={"width": 360, "height": 740}).page
    for name, most in (("enrollments", 9), ("devices", 3), ("events", 3)):
        page.goto(f"/console/main/{name}")
        filters = page.locator(".tools-filter select")
        assert filters.count() == most
        assert filters.evaluate_all(CUT) == []


CUT = """(filters) => filters.filter((filter) => {
    const style = getComputedStyle(filter)
    const pen = document.createElement("canvas").getContext("2d")
    pen.font = style.font
    const text = pen.measureText(filter.selectedOptions[0].text.trim()).width
    const beside = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight)
    return text > filter.clientWidth - beside
}).map((filter) => filter.name)"""
"""The filters whose text is wider than the place for it."""


def test_a_list_fits_every_window_between_phone_and_desk(filled: Filled) -> None:
    """Where its columns need more than there is, the list scrolls, and the page stays."""
    watched = filled.watch("administrator")
    for name in ("devices", "enrollments", "users"):
        watched.page.goto(f"/console/main/{name}")
        for width in (780, 1000, 1280):
            watched.page.set_viewport_size({"width": width, "height": 800})
            assert watched.overflow() == 0, (name, width)


BELOW_THE_BAR = """() => document.querySelector("h1").getBoundingClientRect().top
  >= document.querySelector("header.top").getBoundingClientRect().bottom"""


def test_the_next_page_begins_at_its_heading(filled: Filled) -> None:
    page = filled.watch("administrator", viewport={"width": 1280, "height": 800}).page
    page.goto("/console/main/devices")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("link", name="Previous")).to_be_attached()
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport(ratio=1)
    page.wait_for_function(BELOW_THE_BAR)


def test_the_bar_of_actions_covers_rows_only_while_some_are_ticked(filled: Filled) -> None:
    page = filled.watch("administrator", viewport={"width": 1280, "height": 500}).page
    page.goto("/console/main/enrollments")
    bar = page.locator("[data-bulk-bar]")
    expect(bar).not_to_be_in_viewport()
    page.locator("tbody [type=checkbox]").first.check()
    expect(bar).to_be_in_viewport()


TORN = """() => [...document.querySelectorAll("td, .tile")].flatMap((cell) => {
  const torn = [];
  const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    for (const word of walk.currentNode.data.matchAll(/(?<=@)example\\.com/g)) {
      const range = document.createRange();
      range.setStart(walk.currentNode, word.index);
      range.setEnd(walk.currentNode, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (lines.size > 1) torn.push(cell.textContent);
    }
  }
  return torn;
})"""


def test_an_address_goes_on_at_its_joint(filled: Filled) -> None:
    """Not `user10@example.co` and `m` below it."""
    page = filled.watch(viewport={"width": 800, "height": 800}).page
    page.goto("/console/main/users")
    expect(page.locator("td", has_text="@example.com").first).to_be_visible()
    assert page.evaluate(TORN) == []


def test_a_large_number_fits_on_a_phone(filled: Filled) -> None:
    page = filled.watch(viewport={"width": 360, "height": 740}).page
    page.goto("/console/main/")
    count = page.locator(".tile-count").first
    count.evaluate("shown => { shown.textContent = '12,345' }")
    tile = page.locator(".tile").first
    assert tile.evaluate("tile => tile.scrollWidth <= tile.clientWidth")
