"""Public pages as a browser gets them, over HTTP, without scripts.

    visitor.open("/enroll"); page = visitor.check(ticket.token); page = visitor.begin()

Pages are the same on both stores, so these tests run on one; what they ask of a store is tested
on both in `tests/verbs`.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx2
import pytest
from starlette.testclient import TestClient

from enlist.core.secrets import Secret
from enlist.delivery.channels.mailbox import CapturedMessage
from enlist.web.app import web_application
from enlist.web.services import Services
from tests.installation import Enlist

NAVIGATION = {
    "accept": "text/html,application/xhtml+xml",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140 Safari/537.36",
    "sec-ch-ua-platform": '"Linux"',
}
SUPPORT_CODE = re.compile(r"\b[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]\b")


@dataclass
class Page:
    """An answer, as a person or a form reads it."""

    status: int
    source: str
    headers: dict[str, str]
    cookies: list[str]
    location: str

    @property
    def text(self) -> str:
        """What can be read on it, in one line; what is folded too."""
        body = self.source.partition("<body>")[2]
        joined = re.sub(r"</?(?:a|small|strong|time|wbr)\b[^>]*>", "", body)
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", joined)).split())

    def hidden(self, name: str) -> str:
        """The value of a hidden field."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.source)
        assert found is not None, f"no field {name}: {self.text}"
        return html.unescape(found[1])

    @property
    def support_code(self) -> str:
        found = SUPPORT_CODE.search(self.text)
        assert found is not None, self.text
        return found[0]


@dataclass
class Visitor:
    """A browser: its cookies, its address, and the page that it shows."""

    client: TestClient
    path: str = "/enroll"
    page: Page | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> Page:
        assert self.page is not None, "open a page first"
        return self.page

    def open(self, path: str = "/enroll", **headers: str) -> Page:
        """Follow a link or type an address."""
        self.path = path.partition("?")[0]
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._keep(self.client.get(path, headers={**self.headers, **sent}))

    def post(self, fields: dict[str, str], path: str = "", **headers: str) -> Page:
        """Send a form, as a page of the same site does."""
        sent = {"sec-fetch-site": "same-origin", **self.headers}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self._keep(self.client.post(path or self.path, data=fields, headers=sent))

    def check(
        self, text: Secret | str, *, login: tuple[str, str] = ("", ""), nonce: str = ""
    ) -> Page:
        """Fill in the form that is shown and press *Continue*."""
        shown = text.reveal() if isinstance(text, Secret) else text
        fields = {"nonce": nonce or self.shown.hidden("nonce"), "field": shown, "step": "check"}
        page = self.post({**fields, "username": login[0], "password": login[1]})
        return self.open(page.location) if page.status == 303 else page

    def begin(self, **chosen: str) -> Page:
        """Press *Start enrolling* on the page that is shown."""
        return self.post({"sealed": self.shown.hidden("sealed"), "step": "begin", **chosen})

    def _keep(self, answer: httpx2.Response) -> Page:
        headers = {k: v for k, v in answer.headers.items() if k != "set-cookie"}
        cookies = answer.headers.get_list("set-cookie")
        text = answer.text
        where = headers.get("location", "")
        self.page = Page(answer.status_code, text, headers, cookies, where)
        return self.page


@dataclass
class Box:
    """A demo mailbox that a test fills."""

    kept: list[CapturedMessage] = field(default_factory=list)

    def messages(self) -> list[CapturedMessage]:
        return list(reversed(self.kept))


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def mailbox() -> Box:
    return Box()


@pytest.fixture
def services(enlist: Enlist, mailbox: Box) -> Services:
    return Services(driver=enlist.driver, store=enlist.store, mailbox=mailbox, version="test")


NewVisitor = Callable[..., Visitor]


@pytest.fixture
def new_visitor(services: Services) -> Iterator[NewVisitor]:
    """Makes browsers, each at an address of its own, because the throttle counts per address."""
    addresses = itertools.count(1)
    app = web_application(services)
    with ExitStack() as stack:

        def make(**headers: str) -> Visitor:
            number = next(addresses)
            client = TestClient(
                app,
                base_url=services.public_url,
                client=(f"127.9.{number >> 8}.{number & 255}", 50000),
                follow_redirects=False,
            )
            client.headers.clear()
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            client.headers.update({**NAVIGATION, **sent})
            return Visitor(stack.enter_context(client))

        yield make


@pytest.fixture
def visitor(new_visitor: NewVisitor) -> Visitor:
    return new_visitor()
