"""Public pages in a real browser: an Enlist in this process, and a watched browser to open them.

`site` serves an installation whose clock a test can move. `open_browser` makes contexts that note
whatever a page must never do: ask another origin, break its content policy, complain, or shift
its layout.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from starlette.types import ASGIApp

from enlist.core.infrastructure import Surroundings
from enlist.delivery.channels import CapturedMessage
from enlist.web.app import web_application
from enlist.web.services import Services
from enlist.wiring.installation import Installation
from tests.browser.pages import type_login
from tests.browser.watching import COLOURS
from tests.installation import ADMINISTRATOR, Enlist, Ticket
from tests.peers.base import DEADLINE

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
TYPED_CODE = re.compile(r"[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]")

_WATCH = """
window.broken = []; window.shifted = 0;
addEventListener("securitypolicyviolation", (event) => broken.push(event.violatedDirective));
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifted += entry.value;
}).observe({type: "layout-shift", buffered: true});
"""

_COLOURS_ALONE = "only => axe.run({runOnly: only}).then((done) => done.violations)"


class Box:
    """A demo mailbox that a test fills."""

    def __init__(self) -> None:
        self.kept: list[CapturedMessage] = []

    def messages(self) -> list[CapturedMessage]:
        return list(reversed(self.kept))


@dataclass
class Site:
    """A served installation."""

    url: str
    enlist: Enlist
    mailbox: Box


@dataclass
class Watched:
    """A browser window, and what its pages did."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    shifted: float = 0

    def look(self) -> None:
        """Take down what the shown page did, before it is left."""
        self.broken += self.page.evaluate("window.broken")
        self.shifted = max(self.shifted, self.page.evaluate("window.shifted"))

    def sign_in(self, username: str = ADMINISTRATOR) -> None:
        """By the form, as people do."""
        self.page.goto("/sign-in")
        type_login(self.page, username)
        self.press("Sign in")

    def press(self, name: str) -> None:
        """Press the button with this name, and wait for the page that it leads to."""
        self.look()
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def assert_well_behaved(self, site: Site) -> None:
        """Nothing asked elsewhere, nothing forbidden tried, no complaint, nothing moved."""
        self.look()
        foreign = [r.url for r in self.requests if not r.url.startswith((site.url, "data:"))]
        assert not foreign
        assert not self.broken
        assert not self.complaints
        assert self.shifted < 0.01


def link(site: Site, ticket: Ticket, query: str = "", after: str = "") -> str:
    """The link in a message; `query` and `after` are what others hang on it."""
    path = f"{site.url}/enroll/{ticket.enrollment_id}"
    return f"{path}{query}#t={ticket.token.reveal()}{after}"


def shown_code(window: Watched) -> str:
    """The attempt code that the page shows."""
    found = TYPED_CODE.search(window.page.locator("main").inner_text())
    assert found is not None, window.page.locator("main").inner_text()
    return found[0]


@pytest.fixture(scope="session")
def axe(axe_script: Path) -> str:
    """The script that finds what not everybody can use."""
    return axe_script.read_text(encoding="utf-8")


def check(window: Watched, site: Site, axe: str, name: str, *, dark_too: bool = False) -> None:
    """One page: accessible, within the window's width, and well behaved.

    Args:
        dark_too: whether its colours are looked at in dark as well, where all else is the same.
    """
    page = window.page
    page.evaluate(axe)
    found = page.evaluate("axe.run().then((done) => done.violations)")
    if dark_too:
        page.emulate_media(color_scheme="dark")
        found += page.evaluate(_COLOURS_ALONE, COLOURS)
        page.emulate_media(color_scheme="light")
    bad = [(rule["id"], rule["nodes"][0]["html"]) for rule in found]
    assert not bad, f"{name}: {bad}"
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"], name  # type: ignore[index]
    window.assert_well_behaved(site)


OpenBrowser = Callable[..., Watched]


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def site(enlist: Enlist) -> Iterator[Site]:
    """The web listener on a free port, without TLS; scripts may use the clipboard on localhost."""
    with served(enlist, lambda app: app) as one:
        yield one


@contextmanager
def served(
    enlist: Enlist,
    around: Callable[[ASGIApp], ASGIApp],
    *,
    host: str = "localhost",
    own_ca: str = "",
    surroundings: Callable[[], Surroundings] = Surroundings,
) -> Iterator[Site]:
    """The web listener, with something of a test's own around it.

    Args:
        host: how it is called; browsers take every name below `localhost` for this machine.
        own_ca, surroundings: see `Services`.
    """
    config = uvicorn.Config(None, host="127.0.0.1", port=0, log_level="warning", lifespan="off")  # type: ignore[arg-type]
    listening = config.bind_socket()
    listening.listen()  # else whoever comes before the thread has begun is refused
    url = f"http://{host}:{listening.getsockname()[1]}"
    mailbox = Box()
    driver = at_address(enlist.installation, url)
    services = Services(
        driver=driver,
        store=enlist.store,
        mailbox=mailbox,
        version="test",
        own_ca=own_ca,
        surroundings=surroundings,
    )
    config.app = around(web_application(services))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield Site(url, enlist, mailbox)
    server.should_exit = True
    thread.join(DEADLINE)
    listening.close()


def at_address(installation: Installation, url: str) -> Any:
    """A driver whose links lead to where the test serves."""
    addresses = replace(installation.tools.addresses, public_url=url)
    tools = replace(installation.tools, addresses=addresses)
    return type(installation.driver)(installation.store, tools, lambda _effects: None)


@pytest.fixture
def open_browser(browser: Browser, site: Site) -> Iterator[OpenBrowser]:
    """Opens a window: `open_browser(viewport=PHONE, color_scheme="dark")`."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> Watched:
        context = browser.new_context(base_url=site.url, **options)
        contexts.append(context)
        context.add_init_script(_WATCH)
        watched = Watched(context.new_page())
        watched.page.on("request", lambda sent: watched.requests.append(sent))  # noqa: PLW0108
        watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        watched.page.on("console", lambda said: _note(watched, said))
        return watched

    yield make
    for context in contexts:
        context.close()


def _note(watched: Watched, said: ConsoleMessage) -> None:
    # That a page of ours was answered with 404 or 410 is how it should be.
    if said.type in ("error", "warning") and "server responded with a status" not in said.text:
        watched.complaints.append(said.text)
