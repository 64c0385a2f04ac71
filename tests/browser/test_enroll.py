"""The enrollment page as people use it: from a link, typed, without scripts, by keyboard."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Browser, Response, expect

from enlist.delivery.channels import CapturedMessage
from tests.browser.public_pages import (
    DESK,
    IPHONE,
    PHONE,
    OpenBrowser,
    Site,
    link,
    open_browser,
    served,
    shown_code,
    site,
    store_kind,
)
from tests.installation import PASSWORD, Enlist, code

__all__ = ["open_browser", "site", "store_kind"]
FIELD = "#field"
FOCUSED = "document.activeElement.textContent.trim() || document.activeElement.name"


def nothing_happened(site: Site) -> bool:
    kinds = {event.kind for event in site.enlist.events()}
    return not site.enlist.rows("attempt") and not kinds & {"enrollment.checked", "attempt.started"}


def test_link_fills_the_field_and_leaves_no_trace(site: Site, open_browser: OpenBrowser) -> None:
    """S31, S35, X60: not in the address, the history, a request's address or a Referer."""
    ticket = site.enlist.register()
    token = ticket.token.reveal()
    window = open_browser(viewport=PHONE)
    page = window.page
    page.goto(link(site, ticket))
    expect(page.locator(FIELD)).to_have_value(token)
    expect(page).to_have_url(f"{site.url}/enroll/{ticket.enrollment_id}")
    assert page.evaluate("location.href + JSON.stringify(history.state)").count(token) == 0
    expect(page.get_by_role("status").first).to_have_text("Your link has filled in the token.")

    window.press("Continue")
    expect(page.get_by_role("heading", name="Is this right?")).to_be_focused()
    window.press("Start enrolling")
    assert code(site.enlist.redeem(shown_code(window))) == "done"
    expect(page.get_by_role("heading", level=1)).to_have_text("The device has joined")
    for _ in range(2):
        page.go_back()
        assert token not in page.url
    expect(page.locator("[data-fragment]")).to_have_count(1)

    carrying = [r for r in window.requests if token in json.dumps([r.url, r.all_headers()])]
    assert not carrying
    assert sum(token in (r.post_data or "") for r in window.requests) == 1
    window.assert_well_behaved(site)


@pytest.mark.parametrize(
    ("query", "after"),
    [
        ("?utm_source=mail&utm_id=7", ""),
        ("", "&utm_source=mail"),
        ("", "?utm_source=mail"),
        ("?t=nonsense", ""),
    ],
)
def test_link_survives_trackers(
    site: Site, open_browser: OpenBrowser, query: str, after: str
) -> None:
    ticket = site.enlist.register()
    window = open_browser()
    window.page.goto(link(site, ticket, query, after))
    expect(window.page.locator(FIELD)).to_have_value(ticket.token.reveal())
    expect(window.page).to_have_url(f"{site.url}/enroll/{ticket.enrollment_id}")


def test_link_opened_where_the_page_is_open_already(site: Site, open_browser: OpenBrowser) -> None:
    first, second = site.enlist.register(name="a"), site.enlist.register(name="b")
    window = open_browser()
    window.page.goto(link(site, first))
    window.page.evaluate("token => { location.hash = `t=${token}` }", second.token.reveal())
    expect(window.page.locator(FIELD)).to_have_value(second.token.reveal())
    expect(window.page).to_have_url(f"{site.url}/enroll/{first.enrollment_id}")


def test_page_that_is_only_opened_does_nothing(site: Site, open_browser: OpenBrowser) -> None:
    """X03, S33: a scanner in a real browser, waiting for ten seconds of the page's own time."""
    ticket = site.enlist.register()
    window = open_browser()
    window.page.clock.install()
    window.page.goto(link(site, ticket))
    window.page.clock.run_for(10_000)
    expect(window.page.locator(FIELD)).to_have_value(ticket.token.reveal())
    assert [r.method for r in window.requests].count("POST") == 0
    assert nothing_happened(site)
    (event,) = site.enlist.events("enrollment.opened")
    assert event.data["scanner"] is True, "Headless Chromium names itself"


def test_scanner_that_presses_the_largest_button_spends_nothing(
    site: Site, open_browser: OpenBrowser
) -> None:
    """S33: still active afterwards, and nothing begun."""
    ticket = site.enlist.register()
    window = open_browser()
    window.page.goto(link(site, ticket))
    largest = window.page.evaluate_handle(
        """() => [...document.querySelectorAll("button")].sort(
             (a, b) => b.offsetWidth * b.offsetHeight - a.offsetWidth * a.offsetHeight)[0]"""
    ).as_element()
    assert largest is not None
    with window.page.expect_navigation():
        largest.click()
    assert not site.enlist.rows("attempt")
    assert site.enlist.enrollment(ticket.enrollment_id).state == "active"


def test_back_and_reload_show_the_same_code(site: Site, open_browser: OpenBrowser) -> None:
    ticket = site.enlist.register()
    window = open_browser()
    window.page.goto(link(site, ticket))
    window.press("Continue")
    window.press("Start enrolling")
    first = shown_code(window)
    window.page.reload()
    assert shown_code(window) == first
    window.page.go_back()
    expect(window.page.get_by_role("heading", name="Is this right?")).to_be_visible()
    window.page.reload()
    window.press("Start enrolling")
    assert shown_code(window) == first
    window.page.goto(link(site, ticket))
    window.press("Continue")
    window.press("Start enrolling")
    assert shown_code(window) == first
    assert len(site.enlist.rows("attempt")) == 1


def test_everything_works_without_scripts(site: Site, open_browser: OpenBrowser) -> None:
    """S36: a lost fragment and no JavaScript; the token is typed."""
    ticket = site.enlist.register()
    window = open_browser(java_script_enabled=False, viewport=PHONE)
    page = window.page
    page.goto(f"/enroll/{ticket.enrollment_id}")
    expect(page.get_by_text("type the token from your message")).to_be_visible()
    token = ticket.token.reveal()
    page.get_by_label("Token, code or Group ID").fill(f"{token[:5]} - {token[5:]}")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start enrolling").click()
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Has it joined?").click()
    progress = opened.value
    expect(progress.get_by_role("heading", level=1)).to_have_text("The device has not joined yet")
    assert code(site.enlist.redeem(shown_code(window))) == "done"
    progress.get_by_role("link", name="Look again").click()
    expect(progress.get_by_role("heading", level=1)).to_have_text("The device has joined")


def test_page_that_waits_tells_when_the_device_has_joined(
    site: Site, open_browser: OpenBrowser
) -> None:
    """Nobody presses anything; and what it says then is where a screen reader is."""
    ticket = site.enlist.register(name="Ada's laptop")
    window = open_browser(viewport=PHONE)
    page = window.page
    page.clock.install()
    page.goto(link(site, ticket))
    window.press("Continue")
    window.press("Start enrolling")
    shown = shown_code(window)
    with page.expect_response(re.compile("/enroll/progress")) as looked:
        page.clock.run_for(3_000)
    assert looked.value.status == 204
    assert shown_code(window) == shown
    assert code(site.enlist.redeem(shown)) == "done"
    with page.expect_response(re.compile("/enroll/progress")):
        page.clock.run_for(3_000)
    expect(page.get_by_role("heading", name="The device has joined")).to_be_focused()
    expect(page.get_by_text("“Ada's laptop” belongs to")).to_be_visible()
    asked = len(window.requests)
    page.clock.run_for(30_000)
    assert len(window.requests) == asked, "it looks no further"
    window.assert_well_behaved(site)


def test_keyboard_alone_is_enough(site: Site, open_browser: OpenBrowser) -> None:
    """Two factors: the fields are open, and Tab leads through them in reading order."""
    ticket = site.enlist.register("ada")
    site.enlist.set(token_type="two_factor")
    window = open_browser(viewport=DESK)
    page = window.page
    page.goto(link(site, ticket))
    page.locator(FIELD).focus()
    names = []
    for _ in range(4):
        page.keyboard.press("Tab")
        names.append(page.evaluate(FOCUSED))
    assert names == ["I have a user name and a password", "username", "password", "Continue"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("ada")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Is this right?")).to_be_focused()
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert code(site.enlist.redeem(shown_code(window))) == "done"


def test_wrong_token_is_read_out_and_focused(site: Site, open_browser: OpenBrowser) -> None:
    window = open_browser(viewport=PHONE)
    window.page.goto("/enroll")
    window.page.locator(FIELD).fill("ABCDEFGH23")
    window.press("Continue")
    alert = window.page.get_by_role("alert")
    expect(alert).to_be_focused()
    expect(alert).to_contain_text("This token is not valid here")
    expect(alert).to_contain_text("Support code")
    window.assert_well_behaved(site)


def test_command_is_copied_with_one_press(site: Site, open_browser: OpenBrowser) -> None:
    ticket = site.enlist.register()
    window = open_browser(viewport=DESK, permissions=["clipboard-read", "clipboard-write"])
    window.page.goto(link(site, ticket))
    window.press("Continue")
    window.press("Start enrolling")
    window.page.get_by_role("button", name="Copy").click()
    expect(window.page.locator("#told")).to_have_text("Copied")
    copied = window.page.evaluate("navigator.clipboard.readText()")
    command = f"enlist-agent enroll {shown_code(window)} --server {site.url} --state enlist-device"
    assert copied == command
    window.assert_well_behaved(site)


LONG = "enrollment.devices.workplace.technology.subsidiary.example.localhost"
BROKEN_WORDS = """() => {
  const broken = [];
  const walk = document.createTreeWalker(document.querySelector("#command"), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    for (const word of walk.currentNode.data.matchAll(/[a-z]{3,}/g)) {
      const range = document.createRange();
      range.setStart(walk.currentNode, word.index);
      range.setEnd(walk.currentNode, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (lines.size > 1) broken.push(word[0]);
    }
  }
  return broken;
}"""


def test_long_address_breaks_at_its_joints(enlist: Enlist, browser: Browser) -> None:
    """At 360 px: no word is torn apart, nothing scrolls sideways, and the button copies it all."""
    ticket = enlist.register()
    narrow = browser.new_context(
        viewport={"width": 360, "height": 740}, permissions=["clipboard-read", "clipboard-write"]
    )
    with narrow, served(enlist, lambda app: app, host=LONG, own_ca=f"sha256:{'5f' * 32}") as site:
        page = narrow.new_page()
        page.goto(link(site, ticket))
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Start enrolling").click()
        expect(page.locator("#command")).to_contain_text(f"--server {site.url} ")
        assert page.evaluate(BROKEN_WORDS) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        button = page.get_by_role("button", name="Copy")
        above, below = page.locator("#command").bounding_box(), button.bounding_box()
        assert above is not None
        assert below is not None
        assert above["y"] + above["height"] <= below["y"]
        button.click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator("#command").text_content()
        assert f"--ca-fingerprint sha256:{'5f' * 32} --state" in copied


def test_phone_hands_over_to_the_laptop(site: Site, open_browser: OpenBrowser) -> None:
    """A23: opened on a phone, finished by typing the code on the laptop; one use in total."""
    ticket = site.enlist.register(name="Ada's laptop")
    phone = open_browser(viewport=PHONE, user_agent=IPHONE, has_touch=True)
    phone.page.goto(link(site, ticket))
    phone.press("Continue")
    phone.press("Start enrolling")
    expect(phone.page.get_by_role("heading", level=1)).to_have_text(
        "Continue on your Linux computer"
    )
    laptop = open_browser(viewport=DESK)
    laptop.page.goto(f"/enroll#t={shown_code(phone)}")
    laptop.press("Continue")
    laptop.press("Start enrolling")
    for_phone = shown_code(phone)
    assert code(site.enlist.redeem(shown_code(laptop), key=1)) == "done"
    assert code(site.enlist.redeem(for_phone, key=2)) == "token_used"
    for window in (laptop, phone):
        expect(window.page.get_by_role("heading", level=1)).to_have_text("The device has joined")
        window.assert_well_behaved(site)


def test_demo_mail_leads_to_the_page(site: Site, open_browser: OpenBrowser) -> None:
    """The link inside the framed mail leaves the frame."""
    ticket = site.enlist.register()
    address = link(site, ticket)
    body = f'<!DOCTYPE html><html><head></head><body><a href="{address}">Enroll</a></body></html>'
    now = site.enlist.clock()
    site.mailbox.kept.append(CapturedMessage("ada@example.com", "Enroll", address, body, now, ()))
    window = open_browser()
    window.page.goto("/demo/mailbox")
    window.page.get_by_role("link", name="Enroll").click()
    window.page.frame_locator("iframe").get_by_role("link", name="Enroll").click()
    expect(window.page.locator(FIELD)).to_have_value(ticket.token.reveal())
    window.page.go_back()
    window.page.get_by_role("link", name=address).click()
    expect(window.page.locator(FIELD)).to_have_value(ticket.token.reveal())


def test_page_opens_at_once(site: Site, open_browser: OpenBrowser) -> None:
    """Four small files, nothing else: what a phone loads before it shows the page."""
    window = open_browser(viewport=PHONE)
    answers: list[Response] = []
    window.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108
    window.page.goto("/enroll", wait_until="networkidle")
    sizes = {answer.url: len(answer.body()) for answer in answers}
    assert len(sizes) == 4
    assert sum(sizes.values()) < 20_000
