"""Browsers that send no Sec-Fetch-Site: their Origin is all that tells where a form came from.

A real browser sends the requests; the header is taken out before the application sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

import pytest
from playwright.sync_api import Route, expect
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.browser.public_pages import OpenBrowser, Site, open_browser, served, store_kind
from tests.installation import Enlist

__all__ = ["open_browser", "store_kind"]


@dataclass
class Older:
    """Takes out what older browsers do not send, and notes what came."""

    app: ASGIApp
    seen: list[tuple[str, str, Headers]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = MutableHeaders(scope=scope)
            del headers["sec-fetch-site"]
            self.seen.append((scope["method"], scope["path"], Headers(headers)))
        await self.app(scope, receive, send)


@pytest.fixture
def seen() -> list[tuple[str, str, Headers]]:
    """Method, path and headers of each request."""
    return []


@pytest.fixture
def site(enlist: Enlist, seen: list[tuple[str, str, Headers]]) -> Iterator[Site]:
    with served(enlist, lambda app: Older(app, seen)) as one:
        yield one


def elsewhere(site: Site) -> str:
    """Another origin that answers, too."""
    return site.url.replace("localhost", "127.0.0.1")


def test_forms_work(
    site: Site, open_browser: OpenBrowser, seen: list[tuple[str, str, Headers]]
) -> None:
    """S39, X05: signing in tells its origin; enrolling hides it, and is proved by its nonce."""
    ticket = site.enlist.register("ada")
    window = open_browser()
    window.page.goto("/enroll")
    window.page.locator("#field").fill(ticket.token.reveal())
    window.press("Continue")
    expect(window.page.get_by_role("button", name="Start enrolling")).to_be_visible()
    window.sign_in("ada")
    expect(window.page.get_by_role("heading", name="My devices")).to_be_visible()
    posts = {(path, headers["origin"]) for method, path, headers in seen if method == "POST"}
    assert posts == {("/enroll", "null"), ("/sign-in", site.url)}


def trap(policy: str, address: str) -> Callable[[Route], None]:
    """A page with a form that is sent to us. (A second parameter would be given the request.)"""

    def answer(route: Route) -> None:
        route.fulfill(
            content_type="text/html",
            headers={"referrer-policy": policy},
            body=f'<form method="post" action="{address}"><button>Win</button></form>',
        )

    return answer


def test_forms_of_other_sites_change_nothing(
    site: Site, open_browser: OpenBrowser, seen: list[tuple[str, str, Headers]]
) -> None:
    """S39: neither with their own origin nor with a hidden one; nor do they know a nonce."""
    window = open_browser()
    window.page.goto("/enroll")
    told = {"/sign-in": "another site", "/enroll": "open for too long"}
    for policy, path in product(("unsafe-url", "no-referrer"), told):
        window.page.unroute_all()
        window.page.route(f"{elsewhere(site)}/trap", trap(policy, f"{site.url}{path}"))
        window.page.goto(f"{elsewhere(site)}/trap")
        with window.page.expect_navigation() as answer:
            window.page.get_by_role("button", name="Win").click()
        assert answer.value.status == 403
        known = told["/sign-in"] if policy == "unsafe-url" else told[path]
        assert known in window.page.content()
    origins = {headers["origin"] for method, _, headers in seen if method == "POST"}
    assert origins == {elsewhere(site), "null"}


def test_no_other_site_learns_the_link(
    site: Site, open_browser: OpenBrowser, seen: list[tuple[str, str, Headers]]
) -> None:
    """S32: a handle in the address, a secret behind it; a referrer would carry the one."""
    ticket = site.enlist.register("ada")
    window = open_browser()
    window.page.goto(f"/enroll/{ticket.enrollment_id}#t={ticket.token.reveal()}")
    window.page.evaluate(
        """(address) => {
            const link = document.body.appendChild(document.createElement("a"));
            link.href = address; link.id = "away"; link.textContent = "away";
        }""",
        f"{elsewhere(site)}/away",
    )
    window.page.locator("#away").click()
    window.page.wait_for_url("**/away")
    (arrived,) = [headers for _, path, headers in seen if path == "/away"]
    assert "referer" not in arrived
    assert not [
        path for _, path, headers in seen if ticket.enrollment_id in headers.get("referer", "")
    ]
    told = " ".join(headers.get("referer", "") for _, _, headers in seen)
    assert ticket.token.reveal() not in told
