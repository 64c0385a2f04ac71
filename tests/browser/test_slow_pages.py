"""Pages that come piece by piece, as on a bad network: what is shown already stays where it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.browser.public_pages import (
    PHONE,
    OpenBrowser,
    Site,
    open_browser,
    served,
    store_kind,
)
from tests.installation import Enlist

__all__ = ["open_browser", "store_kind"]
PAUSE = 0.3
"""Long enough for what has come to be painted."""

_JOINTS = re.compile(b'(?=<a href="/account"|</h1>|<button|<footer)')
"""Where a page is held up: amid its menu, its text and its forms."""


def drips(app: ASGIApp) -> ASGIApp:
    """The same, but pages come piece by piece, and are painted in between."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        page = False

        async def sending(message: Message) -> None:
            nonlocal page
            if message["type"] == "http.response.start":
                page = (b"content-type", b"text/html; charset=utf-8") in message["headers"]
            if page and message["type"] == "http.response.body":
                *pieces, last = _JOINTS.split(message.get("body", b""))
                for piece in pieces:
                    await send({**message, "body": piece, "more_body": True})
                    await asyncio.sleep(PAUSE)
                message = {**message, "body": last}
            await send(message)

        await app(scope, receive, sending)

    return slow


@pytest.fixture
def site(enlist: Enlist) -> Iterator[Site]:
    with served(enlist, drips) as one:
        yield one


def test_nothing_moves_while_a_page_comes(site: Site, open_browser: OpenBrowser) -> None:
    site.enlist.user("ada")
    site.enlist.register("ada")
    window = open_browser(viewport=PHONE)
    page = window.page
    window.sign_in("ada")
    for path in ("/my-devices", "/my-devices/new", "/account", "/sign-out"):
        page.goto(path)
        window.assert_well_behaved(site)
