"""Every QR code that a page shows can be read from the screen and from paper (TP80).

Two readers of different makes must find the exact link, in every look of the page.
"""

from __future__ import annotations

import base64
import math
import subprocess
from pathlib import Path

import pytest
import zxingcpp
from playwright.sync_api import Page

from tests.browser.public_pages import (
    DESK,
    PHONE,
    OpenBrowser,
    Site,
    open_browser,
    site,
    store_kind,
)
from tests.peers.base import DEADLINE
from tests.pictures import QR_CODES

__all__ = ["open_browser", "site", "store_kind"]
SHRUNK = 180
TURNED = 17

# What a camera would see: the picture of the screen on grey, its longer side `size` pixels,
# turned by an angle; one byte for each pixel.
_SEEN = """async ([picture, size, angle]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.ceil(size * 1.5);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#888";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.translate(canvas.width / 2, canvas.height / 2);
  pen.rotate(angle);
  const scale = size / Math.max(image.width, image.height);
  pen.scale(scale, scale);
  pen.drawImage(image, -image.width / 2, -image.height / 2);
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  let grey = "";
  for (let at = 0; at < data.length; at += 4) {
    const light = 0.3 * data[at] + 0.59 * data[at + 1] + 0.11 * data[at + 2];
    grey += String.fromCharCode(Math.round(light));
  }
  return [canvas.width, btoa(grey)];
}"""


def read(page: Page, picture: bytes, size: int, degrees: int, folder: Path, zbar: str) -> set[str]:
    """What both readers find in a picture of the screen."""
    given = [base64.b64encode(picture).decode(), size, math.radians(degrees)]
    width, grey = page.evaluate(_SEEN, given)
    dots = base64.b64decode(grey)
    file = folder / "seen.pgm"
    file.write_bytes(f"P5 {width} {width} 255\n".encode() + dots)
    image = memoryview(dots).cast("B", shape=[width, width])
    found = zxingcpp.read_barcodes(image, formats=QR_CODES)
    other = subprocess.run(
        [zbar, "-q", "--raw", "-Sdisable", "-Sqrcode.enable", str(file)],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    return {*(each.text for each in found), other.stdout.strip()}


@pytest.mark.parametrize(("scheme", "viewport"), [("light", PHONE), ("dark", DESK)])
def test_qr_code_can_be_read(
    site: Site,
    open_browser: OpenBrowser,
    zbar: str,
    scheme: str,
    viewport: dict[str, int],
    tmp_path: Path,
) -> None:
    ticket = site.enlist.register()
    window = open_browser(viewport=viewport, color_scheme=scheme)
    page = window.page
    page.goto("/enroll")
    page.locator("#field").fill(ticket.token.reveal())
    window.press("Continue")
    window.press("Start enrolling")
    page.locator("summary", has_text="Continue on another device").click()
    shown = page.locator(".qr img")
    link = f"{site.url}/enroll#t={(shown.get_attribute('alt') or '').rpartition(' ')[2]}"
    page.wait_for_function("() => document.querySelector('.qr img').naturalWidth > 0")
    reader = open_browser(bypass_csp=True).page
    for degrees in (0, TURNED):
        assert read(reader, shown.screenshot(), SHRUNK, degrees, tmp_path, zbar) == {link}
    page.emulate_media(media="print")
    assert read(reader, shown.screenshot(), SHRUNK, 0, tmp_path, zbar) == {link}
