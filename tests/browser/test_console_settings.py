"""Settings, organizations and message templates in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.console_data import Filled
from tests.pictures import png

TOGGLE = "#setting-require_registration_token"


def choose(page: Page, key: str, value: str) -> None:
    """Set a choice here instead of inheriting it."""
    page.locator(f"#source-{key}-own").check()
    page.locator(f"#{key}-{value}").check()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_requiring_a_token_appears_and_disappears(filled: Filled, scripts: bool) -> None:
    """A02, S 000: the toggle exists only with Registered Devices Only; no script is needed."""
    watched = filled.watch("administrator", java_script_enabled=scripts)
    page = watched.page
    page.goto("/console/engineering/settings")
    toggle = page.locator(TOGGLE)
    expect(toggle).to_be_hidden()
    choose(page, "enrollment_mode", "registered_only")
    expect(toggle).to_be_visible()
    page.locator("#source-require_registration_token-own").check()
    page.get_by_label("Only devices whose user has a registration token may enroll").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Settings saved.")).to_be_visible()
    expect(page.locator(TOGGLE)).to_contain_text("In force: On · from here")

    choose(page, "enrollment_mode", "open")
    expect(toggle).to_be_hidden()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#setting-enrollment_mode")).to_contain_text("In force: Open Enrollment")
    expect(toggle).to_be_hidden()
    page.locator("#source-enrollment_mode-inherit").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#setting-enrollment_mode")).to_contain_text("from Enlist's default")
    watched.calm()


def test_a_value_that_is_inherited_hides_its_control(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto("/console/main/settings")
    length = page.get_by_label("Registration Token Length", exact=True)
    expect(length).to_be_hidden()
    page.locator("#source-token_length-own").check()
    expect(length).to_be_visible()
    watched.calm()


def test_the_entropy_follows_the_length_typed(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto("/console/main/settings")
    page.locator("#source-token_length-own").check()
    length, entropy = (
        page.get_by_label("Registration Token Length", exact=True),
        page.locator("#entropy"),
    )
    length.fill("12")
    expect(entropy).to_contain_text("70 bits")
    expect(entropy).not_to_have_class(re.compile("short"))
    length.fill("6")
    expect(entropy).to_contain_text("35 bits")
    expect(entropy).to_have_class(re.compile("short"))
    length.fill("99")
    expect(entropy).to_contain_text("– bits")
    watched.calm()


def test_organizations_from_adding_to_deleting(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto("/console/main/organizations")
    page.get_by_role("link", name="Add an organization").click()
    page.get_by_label("Below").select_option("sales")
    page.get_by_label("Name", exact=False).first.fill("Field sales")
    page.locator("#name").fill("Field sales")
    page.get_by_label("Group ID").fill("sales")
    page.get_by_role("button", name="Add this organization").click()
    expect(page.locator("#group_id-error")).to_contain_text("taken")
    page.get_by_label("Group ID").fill("field")
    page.get_by_role("button", name="Add this organization").click()
    expect(page.get_by_text("Field sales was added.")).to_be_visible()
    page.get_by_role("button", name="More for Field sales").click()
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_text("inherits nothing from it")).to_be_visible()
    page.get_by_role("button", name="Delete this organization").click()
    expect(page.get_by_text("Field sales was deleted.")).to_be_visible()
    watched.forget("409")
    watched.calm()


def test_a_template_with_its_preview(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto("/console/sales/templates")
    page.get_by_role("link", name="Write our own default en, Registration token · E-mail").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("This is a sample.")).to_be_visible()
    expect(frame.get_by_text("Hello Ada,")).to_be_visible()
    page.get_by_label("Subject").fill("Welcome, ")
    # By keyboard: right after scrolling, Chromium still sends clicks to where the frame was.
    page.get_by_role("button", name="{FirstName}").press("Enter")
    expect(page.get_by_label("Subject")).to_have_value("Welcome, {FirstName}")
    page.get_by_role("button", name="Preview").press("Enter")
    expect(frame.get_by_text("[Sample] Welcome, Ada")).to_be_visible()
    page.get_by_role("button", name="As plain text").press("Enter")
    expect(frame.locator("pre")).to_contain_text("SAMPLE0000")
    page.get_by_label("Text").fill("Hello {Nobody}")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#body-error")).to_contain_text("{Nobody}, which does not exist")
    expect(page.get_by_label("Text")).to_have_value("Hello {Nobody}")
    page.get_by_label("Text").fill("{EnrollmentUrl}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Template saved.")).to_be_visible()
    page.get_by_role("link", name="Delete default en").click()
    page.get_by_role("button", name="Delete this template").click()
    expect(page.get_by_text("Template deleted.")).to_be_visible()
    watched.forget("422")
    watched.calm()


ADDRESSES = (
    "main/settings",
    "sales/settings",
    "main/organizations",
    "main/organizations?q=zzz",
    "main/organizations/new",
    "main/organizations/sales/edit",
    "main/organizations/sales/delete",
    "main/templates",
    "main/templates/write",
    "main/templates/write?name=default&language=de",
)


def test_axe_finds_nothing_serious(filled: Filled) -> None:
    watched = filled.watch("administrator", reduced_motion="reduce")
    wrong: dict[str, list[str]] = {}
    for address in ADDRESSES:
        watched.page.goto(f"/console/{address}")
        watched.page.wait_for_load_state("networkidle")
        if found := watched.axe_in_both_themes():
            wrong[address] = found
    page = watched.page
    page.goto("/console/main/settings")
    choose(page, "enrollment_mode", "registered_only")
    for own in page.locator('input[value="own"]').all():
        own.check()
    page.get_by_label("Registration Token Length", exact=True).fill("6")
    if found := watched.axe_in_both_themes():
        wrong["all set here"] = found
    assert not wrong
    watched.calm()


def test_every_page_fits_a_phone(filled: Filled) -> None:
    watched = filled.watch("administrator", viewport={"width": 360, "height": 740})
    for address in ADDRESSES:
        watched.page.goto(f"/console/{address}")
        assert watched.overflow() == 0, address
    watched.calm()


def test_branding_from_the_preview_to_the_sign_in_page(filled: Filled) -> None:
    """What is chosen shows in the frame before it is saved, and to strangers afterwards."""
    watched = filled.watch("administrator", viewport={"width": 1400, "height": 900})
    page = watched.page
    page.goto("/console/main/branding")
    frame = page.frame_locator("iframe.preview")
    expect(frame.get_by_text("Its link and its token do not work.")).to_be_visible()
    page.locator("#source-accent_color-own").check()
    page.locator("#accent_color").fill("#ffcc00")
    swatches = page.locator("#swatches")
    expect(swatches.get_by_text("another shade than chosen").first).to_be_visible()
    page.locator("#source-support_email-own").check()
    page.get_by_label("Support e-mail", exact=True).fill("desk@example.com")
    page.locator("#source-logo-own").check()
    too_large = FilePayload(name="logo.png", mimeType="image/png", buffer=b"x" * 50_000)
    page.locator("#logo").set_input_files(too_large)
    expect(page.locator("#logo-too-large")).to_have_text("is larger than 40 KiB")
    picture = FilePayload(name="logo.png", mimeType="image/png", buffer=png(120, 40))
    page.locator("#logo").set_input_files(picture)
    page.get_by_role("button", name="A public page").click()
    expect(frame.get_by_text("desk@example.com")).to_be_visible()
    # The frame may fetch its style sheets: its button has the colour, made readable.
    expect(frame.get_by_role("button", name="Start enrolling")).to_have_css(
        "background-color", "rgb(133, 106, 0)"
    )
    assert watched.axe() == []
    watched.forget("postMessage")  # axe asks frames that may run no scripts
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Branding saved.")).to_be_visible()
    expect(page.locator("#setting-logo")).to_contain_text("In force: a picture · from here")
    assert watched.overflow() == 0
    watched.calm()

    phone = filled.watch("", viewport={"width": 360, "height": 740})
    phone.page.goto("/sign-in")
    expect(phone.page.get_by_alt_text("Logo of your organization")).to_be_visible()
    expect(phone.page.get_by_text("Help: desk@example.com")).to_be_visible()
    assert phone.overflow() == 0
    assert phone.axe() == []
    phone.calm()


def test_a_sample_is_sent_from_the_editor(filled: Filled) -> None:
    watched = filled.watch("administrator")
    page = watched.page
    page.goto("/console/main/templates/write?name=default&language=en")
    page.get_by_label("Subject").fill("Not saved")
    page.get_by_label("Send to").fill("grace@example.com")
    page.get_by_role("button", name="Send a sample").click()
    expect(page.get_by_text("On its way to grace@example.com.")).to_be_visible()
    expect(page.get_by_label("Subject")).to_have_value("Not saved")
    watched.calm()
