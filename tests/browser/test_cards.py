"""Cards from the list of enrollments to paper: a page for each, with codes that can be read."""

from __future__ import annotations

import re
import zlib

import zxingcpp
from playwright.sync_api import expect

from enlist.core.model import GrantKind
from enlist.verbs.branding import ChangeBranding, PutLogo
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import LATER
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.register import Register
from tests.browser.public_pages import (
    DESK,
    OpenBrowser,
    Site,
    open_browser,
    site,
    store_kind,
)
from tests.pictures import QR_CODES, png

__all__ = ["open_browser", "site", "store_kind"]
_PICTURE = re.compile(
    rb"/Subtype /Image\n/Width (\d+)\n/Height (\d+)\n(.*?)>> ?stream\n(.*?)\nendstream", re.DOTALL
)


def codes(paper: bytes) -> list[str]:
    """What a reader finds in the pictures of a PDF, in their order."""
    found = []
    for wide, high, about, content in _PICTURE.findall(paper):
        width, height, dots = int(wide), int(high), zlib.decompress(content)
        step = len(dots) // (width * height)
        assert b"/FlateDecode" in about
        image = memoryview(dots[::step]).cast("B", shape=[height, width])
        found += [each.text for each in zxingcpp.read_barcodes(image, formats=QR_CODES)]
    return found


def test_cards_are_printed_one_to_a_page(site: Site, open_browser: OpenBrowser) -> None:
    """Issue 5: from what was ticked to a PDF whose codes lead where they must."""
    enlist = site.enlist
    enlist.do(PutLogo("", png(80, 40)))
    enlist.do(ChangeBranding("", {"accent_color": "#7a1fa2", "help_text": "Room 12"}))
    enlist.user("ada")
    tokens = [enlist.register("ada", name=f"laptop {number}") for number in range(2)]
    details = DeviceDetails("gateway", "linux")
    jwt = enlist.do(Register("", "ada", details, LATER, grant=GrantKind.ONE_TIME_JWT))
    gone = enlist.register("ada", name="gone")
    enlist.revoke(gone.enrollment_id)

    window = open_browser(viewport=DESK)
    page = window.page
    window.sign_in()
    page.goto("/console/main/enrollments")
    page.get_by_label("Tick all on this page").check()
    window.press("Print cards")
    expect(page.get_by_role("row", name="gone")).to_contain_text("left as it is")
    window.press("Show the cards")
    expect(page.get_by_role("heading", name="3 cards")).to_be_visible()
    expect(page.get_by_text("gone has none")).to_be_visible()
    assert len(enlist.events("enrollment.printed")) == 2

    window.assert_well_behaved(site)  # before it is printed, which moves everything
    paper = page.pdf()
    assert len(re.findall(rb"/Type /Page\n", paper)) == 3
    shown = enlist.do(ShowJwt(jwt.enrollment_id)).jwt.reveal()
    links = {f"{site.url}/enroll/{each.enrollment_id}" for each in tokens}
    assert set(codes(paper)) == {*links, shown}
    text = page.locator("main").inner_text()
    assert not any(each.token.reveal() in text for each in tokens)
    assert text.count("Room 12") == 3
    line = page.locator(".card h2").first
    assert line.evaluate("it => getComputedStyle(it).borderBottomColor") == "rgb(122, 31, 162)"
    assert page.locator("nav").is_visible()
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
