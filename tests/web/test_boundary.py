"""The wrappers around every adapter, each by itself, with an application that only counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from enlist.core.outcomes import Refusal
from enlist.web.boundary import MOST_DISCARDED, Capped, SameSite
from tests.loops import run

OWN = "https://enroll.example.com"


class Counting:
    """Remembers the bodies that reach it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.bodies.append((await receive()).get("body", b""))
        await PlainTextResponse("reached")(scope, receive, send)


def render(_scope: Scope, refusal: Refusal) -> ASGIApp:
    return PlainTextResponse(refusal.code, status_code=403)


def ask(app: ASGIApp, headers: dict[str, str], messages: Iterable[Message] = ()) -> list[Message]:
    """What the application answers to a POST that arrives in these messages."""
    arriving = chain(messages, [{"type": "http.request", "body": b""}])
    sent: list[Message] = []

    async def receive() -> Message:
        return next(arriving)

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": raw}

    async def asking() -> None:
        await app(scope, receive, send)

    run(asking())
    return sent


@pytest.mark.parametrize(
    ("headers", "reached"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "origin": OWN}, False),
        ({"origin": OWN}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"cookie": "a=b; __Host-enlist=x"}, False),
        ({}, True),
        ({"authorization": "Bearer enk_x", "sec-fetch-site": "cross-site"}, True),
        ({"authorization": "Basic eDp5", "sec-fetch-site": "cross-site"}, False),
        ({"authorization": "Basic eDp5", "cookie": "__Host-enlist=x"}, False),
    ],
)
def test_other_sites_change_nothing(headers: dict[str, str], reached: bool) -> None:
    """S39. A browser adds the Basic login of a proxy to another site's form by itself."""
    app = Counting()
    ask(SameSite(app, render, OWN, "__Host-enlist"), headers)
    assert bool(app.bodies) is reached


def test_half_a_body_is_no_request() -> None:
    """Half a form reads like a whole one with fields left out."""
    app = Counting()
    half: list[Message] = [
        {"type": "http.request", "body": b"a=1", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert ask(Capped(app, render), {"content-length": "8"}, half) == []
    assert app.bodies == []


def test_who_sends_too_much_may_finish_before_he_is_refused() -> None:
    """Else the connection is reset, and a proxy in between answers 502 in our place."""
    read: list[int] = []

    def parts(count: int) -> Iterator[Message]:
        for number in range(count):
            read.append(number)
            more = number < count - 1
            yield {"type": "http.request", "body": b"x" * 50_000, "more_body": more}

    for headers in ({"content-length": "200000"}, {}):
        read.clear()
        answer = ask(Capped(Counting(), render), headers, parts(4))
        assert answer[-1]["body"] == b"too_large"
        assert read == [0, 1, 2, 3]
    for headers, most in (
        ({"content-length": "50000000"}, 0),
        ({"content-length": "200000", "expect": "100-continue"}, 0),
        ({}, MOST_DISCARDED // 50_000 + 4),
    ):
        read.clear()
        answer = ask(Capped(Counting(), render), headers, parts(1000))
        assert answer[-1]["body"] == b"too_large"
        assert len(read) <= most, "nobody may talk for ever"
