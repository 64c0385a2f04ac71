"""The console over HTTP, in process, without scripts.

    desk = console.sign_in("operator")
    page = desk.open("/console/main/devices")
    assert page.leads_to("/console/main/devices/new")

Pages are the same on both stores, so these tests run on one.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from enlist.core.secrets import Secret
from enlist.verbs.sign_in import StartSignIn
from enlist.web.app import web_application
from enlist.web.services import Services
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist

FORM = "application/x-www-form-urlencoded"


_TICKED = ("checkbox", "radio")


class _Reader(HTMLParser):
    """Collects what a person could press and read."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[tuple[str, str]] = []
        self.fields: dict[str, list[str]] = {}
        self.words: list[str] = []
        self._silent = 0
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self.forms.append((given.get("method", "get").lower(), given.get("action", "")))
        elif tag == "input" and ("checked" in given or given.get("type") not in _TICKED):
            self.fields.setdefault(given.get("name", ""), []).append(given.get("value", ""))
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and "selected" in given:
            self.fields.setdefault(self._select, []).append(given.get("value", ""))
        elif tag in ("script", "style"):
            self._silent += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


@dataclass
class Page:
    """An answer, as a person reads it."""

    status: int
    source: str
    location: str
    headers: dict[str, str]
    links: list[str] = field(default_factory=list)
    forms: list[tuple[str, str]] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)
    text: str = ""

    def leads_to(self, address: str) -> bool:
        """Whether a link or a form of the page goes there."""
        targets = [*self.links, *(action for _, action in self.forms)]
        return any(each.partition("?")[0] == address for each in targets)

    def value(self, name: str) -> str:
        """What stands in a field."""
        assert name in self.fields, f"no field {name}: {self.text}"
        return self.fields[name][-1]

    @property
    def main(self) -> str:
        """The text of the page itself, without navigation and menus."""
        inner = re.search(r"<main.*?</main>", self.source, re.DOTALL)
        assert inner is not None
        return _read(inner[0]).text


def _read(source: str) -> Page:
    reader = _Reader()
    reader.feed(source.replace("<wbr>", ""))
    text = " ".join(" ".join(reader.words).split())
    links = [html.unescape(link) for link in reader.links]
    return Page(0, source, "", {}, links, reader.forms, reader.fields, text)


@dataclass
class Desk:
    """Somebody's browser at the console."""

    client: TestClient

    def open(self, path: str, **headers: str) -> Page:
        """Follow a link."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.get(path, headers=sent)
        return _page(answer)

    def send(self, path: str, fields: Mapping[str, object] | None = None) -> Page:
        """Send a form, as a page of the same site does."""
        answer = self.client.post(
            path, data=dict(fields or {}), headers={"sec-fetch-site": "same-origin"}
        )
        return _page(answer)

    def follow(self, page: Page) -> Page:
        """Go where the answer sends the browser."""
        assert page.status == 303, (page.status, page.text[:500])
        return self.open(page.location)


def _page(answer: Response) -> Page:
    status = answer.status_code
    assert status < 500, answer.text
    headers = dict(answer.headers)
    found = _read(answer.text)
    return Page(
        status,
        found.source,
        headers.get("location", ""),
        headers,
        found.links,
        found.forms,
        found.fields,
        found.text,
    )


@dataclass
class Console:
    """The console of one installation, and those who work in it."""

    enlist: Enlist
    services: Services
    stack: ExitStack
    addresses: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    known: dict[tuple[str, str], str] = field(default_factory=dict)

    def stranger(self) -> Desk:
        """A browser in which nobody is signed in."""
        number = next(self.addresses)
        client = TestClient(
            web_application(self.services),
            base_url=self.services.public_url,
            client=(f"127.8.{number >> 8}.{number & 255}", 50000),
            follow_redirects=False,
        )
        client.headers.update({"accept": "text/html"})
        return Desk(self.stack.enter_context(client))

    def sign_in(self, role: str = "administrator", organization: str = "") -> Desk:
        """Somebody with this role, at the root or at an organization, signed in just now."""
        if role == "administrator" and not organization:
            return self.as_user(ADMINISTRATOR)
        username = self.known.get((role, organization))
        if username is None:
            username = f"{role}-{organization or 'root'}"
            self.enlist.staff(role, organization, username)
            self.known[role, organization] = username
        return self.as_user(username)

    def as_user(self, username: str) -> Desk:
        """A user who has signed in just now."""
        desk = self.stranger()
        verb = StartSignIn(username, Secret(PASSWORD))
        signed = self.enlist.do(verb, self.enlist.stranger())
        desk.client.cookies.set("enlist", signed.cookie.reveal())
        return desk


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def services(enlist: Enlist) -> Services:
    return Services(driver=enlist.driver, store=enlist.store, version="test")


@pytest.fixture
def console(enlist: Enlist, services: Services) -> Iterator[Console]:
    with ExitStack() as stack:
        yield Console(enlist, services, stack)


Crawl = Callable[[Desk, str], dict[str, Page]]


@pytest.fixture
def crawl() -> Crawl:
    """Every page of the console that links lead to from an address, by its path and query."""

    def walk(desk: Desk, start: str, most: int = 250) -> dict[str, Page]:
        waiting = [start]
        seen: dict[str, Page] = {}
        while waiting and len(seen) < most:
            address = waiting.pop(0)
            if address in seen:
                continue
            page = desk.open(address)
            if page.status == 303:
                waiting.insert(0, page.location)
            seen[address] = page
            waiting += [
                link
                for link in page.links
                if link.startswith("/console/") and link not in seen and "sort=" not in link
            ]
        return seen

    return walk
