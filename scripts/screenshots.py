"""Take the pictures of the documentation anew: `make screenshots`.

A demo of its own, in a folder that goes afterwards, lives through one first enrollment as the
tutorial tells it; what people see on the way is photographed. Names and details are given, so
that no machine's own appear; only the times differ from run to run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.peers import chromium
from tests.peers.base import find_program, finish, free_port, launch, wait_until

IMAGES: Final = Path(__file__).resolve().parent.parent / "docs" / "images"
LARGEST: Final = 200 * 1024
"""Bytes of one picture: the documentation is read over slow lines, too."""

# Without a name of its own, headless Chromium would be taken for a mail scanner.
_BROWSER: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
_IDENTIFIERS: Final = {
    "model": "ThinkPad X1",
    "os_version": "Debian GNU/Linux 12",
    "serial": "PF-3KX91A",
    "asset_number": "EX-0042",
}


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    url: str
    data: Path

    @property
    def password(self) -> str:
        """The administrator's."""
        found: dict[str, str] = json.loads((self.data / "demo.json").read_text())
        return found["admin@example.com"]

    def newest_link(self) -> str:
        """The link in the newest message."""
        with urlopen(f"{self.url}/demo/mailbox.json") as answer:  # noqa: S310 - our own demo
            newest = json.load(answer)["items"][0]["text"]
        return _in(newest, r"(http\S+/enroll/\S+#t=\S+)")

    def messages(self) -> int:
        """How many messages were sent."""
        with urlopen(f"{self.url}/demo/mailbox.json") as answer:  # noqa: S310 - our own demo
            return len(json.load(answer)["items"])


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """A demo on ports of its own."""
    port, data, log = free_port(), folder / "data", folder / "log"
    command = [sys.executable, "-m", "enlist", "demo", "--data", str(data)]
    command += ["--http", f"127.0.0.1:{port}", "--device", f"127.0.0.1:{free_port()}"]
    process = launch(command, log)
    demo = Demo(f"http://localhost:{port}", data)
    try:
        wait_until(lambda: _ready(demo), "the demo", log=log, process=process)
        yield demo
    finally:
        finish(process)


def _ready(demo: Demo) -> bool:
    try:
        return demo.messages() == 3  # those of the sample devices
    except OSError:
        return False


def register(page: Page, demo: Demo) -> str:
    """Register Ada's laptop in the console; answers the address of its page."""
    page.goto(f"{demo.url}/console")
    page.get_by_label("User name").fill("admin@example.com")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Devices", exact=True).click()
    page.get_by_role("link", name="Register a device").click()
    page.get_by_role("combobox", name="User").fill("ada")
    page.get_by_role("option", name="Ada Lovelace").click()
    page.get_by_label("Name of the device").fill("Ada's new laptop")
    page.get_by_label("Platform").select_option(label="Linux")
    page.get_by_label("Ownership").select_option("corporate_dedicated")
    page.get_by_text("Model, serial number and other identifiers").click()
    for name, value in _IDENTIFIERS.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Save and send").click()
    page.wait_for_url("**/devices/*-*")
    return page.url


def enroll(page: Page, demo: Demo, state: Path) -> None:
    """Open the link of the mail, photograph what it is for, and let the agent finish."""
    page.goto(demo.newest_link())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Is this right?")).to_be_visible()
    photograph(page, "enroll.png", width=420, height=820)
    page.get_by_role("button", name="Start enrolling").click()
    code = _in(page.locator("#command").inner_text(), r"enroll\s+(\S+)")
    agent = [sys.executable, "-m", "enlist_agent", "enroll", code]
    subprocess.run(
        [*agent, "--server", demo.url, "--state", str(state)], check=True, capture_output=True
    )


def _in(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"no {pattern} in: {text}")
    return str(found[1])


def photograph(page: Page, name: str, *, width: int, height: int) -> None:
    """The top of a page, as large as the documentation shows it."""
    page.set_viewport_size({"width": width, "height": height})
    page.mouse.move(0, 0)
    IMAGES.mkdir(exist_ok=True)
    picture = page.screenshot(path=IMAGES / name, animations="disabled", caret="hide")
    if len(picture) > LARGEST:
        raise SystemExit(f"{name} has {len(picture) // 1024} KiB, more than {LARGEST // 1024}")
    print(f"docs/images/{name}: {len(picture) // 1024} KiB")


def opened(browser: Browser, width: int) -> Page:
    """A window of somebody who reads English by daylight."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        locale="en-US",
        color_scheme="light",
        user_agent=_BROWSER,
    )
    return context.new_page()


def main() -> int:
    """Take all pictures."""
    program = find_program("chromium")
    if program is None:
        raise SystemExit("Chromium is missing: install the package chromium.")
    # The demo shall not take up what this shell's environment says of another Enlist.
    for name in [name for name in os.environ if name.startswith("ENLIST_")]:
        del os.environ[name]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_demo(Path(folder)) as demo,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=chromium.arguments())
        desk, phone = opened(browser, 1280), opened(browser, 420)
        device = register(desk, demo)
        wait_until(lambda: demo.messages() > 3, "the message to Ada")
        enroll(phone, demo, Path(folder) / "state")
        desk.goto(device)
        expect(desk.get_by_text("enrolled and belongs to")).to_be_visible()
        photograph(desk, "device.png", width=1280, height=866)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
