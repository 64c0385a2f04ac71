"""Reset, reissue and delete an enrollment as an administrator does it (seed 003)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from enlist.core.clock import HOUR, system_clock
from enlist.store.sqlite import SqliteStore
from enlist.web.console.bulk import PORTION
from tests.browser.console_data import Filled
from tests.connections import live_session
from tests.peers.base import find_program

PHONE = {"width": 390, "height": 844}
RED = {"light": "rgb(201, 42, 42)", "dark": "rgb(255, 135, 135)"}


def device(filled: Filled, ticket: str) -> str:
    return f"/console/main/devices/{filled.tickets[ticket].device_id}"


def connect(filled: Filled, ticket: str) -> None:
    """A device connects, to a process that counts as alive for an hour."""
    path = filled.server.data / "enlist.sqlite3"
    store = SqliteStore(path, lambda: system_clock() + HOUR)
    try:
        live_session(store, filled.tickets[ticket].device_id)
    finally:
        store.close()


def enrollment(page: Page) -> set[str]:
    """The buttons of the enrollment section that lead to one of the three pages."""
    buttons = page.get_by_role("region", name="Enrollment").get_by_role("link")
    names = {text.strip() for text in buttons.all_inner_texts()}
    return names & {"Reset enrollment", "Reissue enrollment", "Delete enrollment"}


def start_reset(page: Page) -> None:
    """In the enrollment section: an alarm above it has the same button."""
    section = page.get_by_role("region", name="Enrollment")
    section.get_by_role("link", name="Reset enrollment").click()


@pytest.mark.peer("zbar")
def test_an_enrolled_device_is_reset(filled: Filled, tmp_path: Path) -> None:
    """What ends is shown, bound to the button, and asked anew where it has changed; then the new
    JWT is handed over in each way (D10, D11, D26, D27)."""
    zbar = find_program("zbarimg") or ""
    connect(filled, "intercepted")
    watched = filled.watch("operator")
    page = watched.page
    page.goto(device(filled, "intercepted"))
    assert enrollment(page) == {"Reset enrollment"}
    start_reset(page)
    expect(page.get_by_text("1 live session drops at once")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    assert enrollment(page) == {"Reset enrollment"}

    start_reset(page)
    signed = page.get_by_label("End the sign-ins")
    expect(signed).to_be_hidden()
    page.get_by_label("Reason").select_option("compromised")
    signed.check()
    expect(page.get_by_text("No sign-in of")).to_be_visible()
    expect(signed).to_be_checked()
    expect(page.get_by_label("Date enrollment expires")).to_have_value(re.compile(r"^20..-"))

    connect(filled, "intercepted")
    page.get_by_label("It enrolls with").select_option("One-time JWT")
    press = page.get_by_role("button", name="Reset enrollment")
    press.click()
    expect(page.get_by_role("alert")).to_contain_text("The situation has changed")
    expect(page.get_by_text("2 live sessions drop at once")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("compromised")
    press.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("was reset: what it held has ended")
    assert enrollment(page) == {"Delete enrollment"}
    hand_over = page.get_by_role("group", name="Hand over the JWT")
    expect(hand_over.get_by_role("link", name="Send registration e-mail")).to_be_visible()
    assert watched.axe() == []
    jwt = [downloaded(page), downloaded(page)]
    assert jwt[0] == jwt[1]
    page.get_by_role("button", name="Show QR code").click()
    code = page.get_by_role("img", name="QR code of the one-time JWT")
    expect(code).to_be_visible()
    assert watched.axe() == []
    picture = tmp_path / "code.png"
    picture.write_bytes(code.screenshot())
    asked = [zbar, "-q", "--raw", str(picture)]
    read = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert read.stdout.strip() == jwt[0]
    page.get_by_role("link", name="Back to the device").click()
    page.get_by_role("link", name="Send registration e-mail").click()
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("status").first).to_contain_text("on its way to")
    watched.forget("409")
    watched.calm()


def downloaded(page: Page) -> str:
    """The file, which can be had as often as it is asked for."""
    with page.expect_download() as started:
        page.get_by_role("button", name="Download JWT").click()
    assert started.value.suggested_filename.endswith(".jwt")
    return Path(started.value.path()).read_text()


def test_a_device_that_is_handed_its_jwt(filled: Filled) -> None:
    """Registered with one, revoked, and issued anew: each time it can be handed over at once."""
    watched = filled.watch("operator")
    page = watched.page
    page.goto("/console/main/devices/new?user=ada")
    page.get_by_label("Name of the device").fill("Server 12")
    page.get_by_label("Platform").select_option("linux")
    page.get_by_label("It enrolls with").select_option("One-time JWT")
    page.get_by_label("Send the message at once").uncheck()
    assert watched.axe() == []
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("Nothing is sent yet")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    first = downloaded(page)
    page.get_by_role("link", name="All about this enrollment").click()
    page.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("link", name="Issue a new token").click()
    expect(page.get_by_label("It enrolls with")).to_have_value("one_time_jwt")
    page.get_by_role("button", name="Issue it").click()
    expect(page.get_by_role("status").first).to_contain_text("Below is how the new token gets")
    assert enrollment(page) == {"Delete enrollment"}
    assert downloaded(page) not in ("", first)
    page.get_by_role("button", name="Show QR code").click()
    expect(page.get_by_role("img", name="QR code of the one-time JWT")).to_be_visible()
    watched.calm()


def test_an_open_code_gives_way_to_what_became_of_it(filled: Filled) -> None:
    """Whoever shows it to a phone sees that the phone has enrolled, or that it is dead."""
    operator, helpdesk = filled.watch("operator"), filled.watch("helpdesk")
    page = operator.page
    page.clock.install()
    page.goto(f"{device(filled, 'enrolled')}/reset")
    page.get_by_label("It enrolls with").select_option("One-time JWT")
    page.get_by_role("button", name="Reset enrollment").click()
    page.get_by_role("button", name="Show QR code").click()
    code = page.get_by_role("img", name="QR code of the one-time JWT")
    expect(code).to_be_visible()
    page.clock.run_for(10_000)
    expect(code).to_be_visible()

    helpdesk.page.goto(page.url.removesuffix("/qr") + "/reissue")
    helpdesk.page.get_by_role("button", name="Reissue enrollment").click()
    expect(helpdesk.page.get_by_text("The token before it is dead.")).to_be_visible()
    page.clock.run_for(4_000)
    expect(code).to_have_count(0)
    page.get_by_role("button", name="Show QR code").click()
    expect(code).to_be_visible()
    operator.calm()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_expired_token_is_red(filled: Filled, theme: str) -> None:
    """D12: the colour and the word."""
    page = filled.watch("reader", color_scheme=theme).page
    page.goto(device(filled, "overdue"))
    told = page.get_by_role("region", name="Enrollment").locator(".overdue strong")
    expect(told).to_have_css("color", RED[theme])
    expect(page.get_by_role("region", name="Enrollment")).to_contain_text("Expired")


def test_an_expired_enrollment_is_reissued_then_deleted(filled: Filled) -> None:
    watched = filled.watch("operator")
    page = watched.page
    page.goto(device(filled, "expired"))
    assert enrollment(page) == {"Reissue enrollment"}
    page.get_by_role("link", name="Reissue enrollment").click()
    date = page.get_by_label("Date enrollment expires")
    assert date.get_attribute("type") == "datetime-local"
    date.fill("")
    page.get_by_role("button", name="Reissue enrollment").click()
    expect(page).to_have_url(re.compile("/reissue$"))  # the browser asks for a date
    date.fill("2099-01-01T08:00")
    page.get_by_role("button", name="Reissue enrollment").click()
    expect(page.get_by_text("must be within")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Reissue enrollment").click()
    expect(page.get_by_role("status").first).to_contain_text("Reissued.")
    expect(page.get_by_role("region", name="Enrollment")).to_contain_text("may enroll until")

    page.get_by_role("link", name="Delete enrollment").click()
    expect(page.get_by_text("It cannot be undone")).to_be_visible()
    page.get_by_role("button", name="Yes, delete it").click()
    expect(page.get_by_text("Deleted for good.")).to_be_visible()
    assert enrollment(page) == set()
    expect(page.get_by_role("link", name="Issue a new token")).to_have_count(0)
    watched.forget("422")
    watched.calm()


def test_many_are_reset_with_progress(filled: Filled) -> None:
    """Portion by portion, without a press of a button between them."""
    watched = filled.watch("operator")
    page = watched.page
    page.goto("/console/main/devices?state=enrolled&q=machine")
    page.get_by_label("Tick all on this page").check()
    for name in ("52", "56"):  # those of other tests
        for tick in page.get_by_label(re.compile(f"^Tick .* {name}$")).all():
            tick.uncheck()
    ticked = page.locator("tbody [type=checkbox]:checked").count()
    assert ticked > PORTION
    page.get_by_role("button", name="Reset enrollment").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"of {ticked} devices?")
    assert watched.axe() == []
    sent: list[str] = []
    page.on("request", lambda each: sent.append(each.method))
    page.get_by_role("button", name="Reset them").click()
    told = page.get_by_role("status").filter(has_text=f"Reset {ticked} of {ticked}")
    expect(told).to_be_visible()
    expect(page.locator("tbody .state-good")).to_have_count(ticked)
    assert sent.count("POST") == -(-ticked // PORTION)
    assert watched.axe() == []
    watched.calm()


def test_axe_finds_nothing_serious(filled: Filled) -> None:
    watched = filled.watch("administrator", reduced_motion="reduce")
    enrolled, waiting = filled.tickets["enrolled"], filled.tickets["waiting"]
    found = {}
    for address in (
        f"devices/{enrolled.device_id}/reset?reason=compromised",
        f"enrollments/{waiting.enrollment_id}/reissue",
        f"enrollments/{waiting.enrollment_id}/delete",
        "help/jwt",
    ):
        watched.page.goto(f"/console/main/{address}")
        found[address] = watched.axe_in_both_themes()
    assert not any(found.values()), found
    watched.calm()


def test_the_pages_fit_a_phone(filled: Filled) -> None:
    watched = filled.watch("administrator", viewport=PHONE)
    enrolled, waiting = filled.tickets["enrolled"], filled.tickets["waiting"]
    for address in (
        f"devices/{enrolled.device_id}",
        f"devices/{enrolled.device_id}/reset?reason=compromised",
        f"devices/{waiting.device_id}",
        f"enrollments/{waiting.enrollment_id}/reissue",
        "help/jwt",
    ):
        watched.page.goto(f"/console/main/{address}")
        assert watched.overflow() == 0, address
    watched.calm()
