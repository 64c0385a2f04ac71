"""What every request passes before and after its adapter, outermost first.

Three small ASGI applications, each around the next: `Edge` finds the sender's address, adds the
headers that every answer carries, catches faults, counts and logs; `Capped` caps the body;
`SameSite` refuses what another site made the browser send. A thousand devices may come at once, so
what is done for each of their requests is done in few calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from enlist.core.outcomes import Refusal
from enlist.core.secrets import support_code
from enlist.store.tx import StoreUnavailable
from enlist.verbs.passwords import Busy
from enlist.web.peers import address_of, header

MOST_BYTES: Final = 64 * 1024
"""Body of a request, unless its route says otherwise (S46)."""
MOST_DISCARDED: Final = 2 * 1024 * 1024
"""Of a larger body, how much is read and thrown away so that its sender hears the refusal."""

_PIECE: Final = 32 * 1024
"""Bytes of an answer that are sent at once."""

REQUESTS = Counter(
    "enlist_http_requests_total",
    "Requests by listener, method and status.",
    ["listener", "method", "status"],
)
DURATION = Histogram(
    "enlist_http_request_seconds",
    "Time to the last byte of an answer.",
    ["listener"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
FAULTS = Counter("enlist_faults_total", "Exceptions that nobody expected; should stay zero.")

_log = structlog.get_logger("enlist.web")
Render = Callable[[Scope, Refusal], ASGIApp]
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a listener is reached.

    Attributes:
        secure: people come over HTTPS.
        trusted_proxies: networks whose forwarding header is believed.
        proxy_header: which header that is, in small letters (see `peers`).
    """

    secure: bool
    trusted_proxies: tuple[str, ...]
    proxy_header: str


GOES_ON: Final = "enlist.goes_on"
"""In the scope of a request whose answer lasts as long as its reader: that is not slow."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": CONTENT_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-robots-tag": "noindex, nofollow",
}


_REFERRER_POLICY: Final = b"referrer-policy"


def _line(header: Header) -> bytes:
    return b"%b: %b\r\n" % header


def _behind_link(scope: Scope) -> bool:
    """Whether this is a page that a link with a secret leads to, or a step from there."""
    path: str = scope["path"]
    links = ("/setup", "/recover", "/set-password", "/enroll")
    return path in links or path.startswith("/enroll/")


def _referrer_policy(scope: Scope) -> bytes:
    """No address goes to other sites; one with a link's handle goes nowhere at all (X05).

    Elsewhere not: with no-referrer, a browser that has no Sec-Fetch-Site hides where our own forms
    come from (`Origin: null`), and there the origin is what tells them from other sites' forms.
    """
    return b"no-referrer" if _behind_link(scope) else b"same-origin"


class Edge:
    """The outermost: everything that is alike for all requests."""

    def __init__(self, app: ASGIApp, render: Render, listener: str, terms: Terms) -> None:
        self.app = app
        self._render = render
        self._listener = listener
        self._terms = terms
        headers = {**_HEADERS, "cache-control": "no-store"}
        if terms.secure:
            headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._names = frozenset({*(name for name, _ in self._headers), _REFERRER_POLICY})
        self._lines = b"".join(map(_line, self._headers))
        self._log = _log.bind()  # the module's is looked up anew at each call
        self.direct: object = None  # the short way into the application, see `hot`
        self._duration = DURATION.labels(listener)
        # Looking a counter up by its labels costs more than counting.
        self._requests = cache(lambda method, status: REQUESTS.labels(listener, method, status))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        self.enter(scope)
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def answer(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._with_ours(scope, message.get("headers", ()))
            await _in_pieces(send, message)

        try:
            refusal = await self._fault(scope, receive, answer)
            if refusal is not None:
                if status:
                    raise ConnectionResetError("the answer had begun")
                await self._render(scope, refusal)(scope, receive, answer)
        finally:
            self.observe(scope, status, time.perf_counter() - started)

    def enter(self, scope: Scope) -> None:
        """Find out who sent it."""
        terms = self._terms
        scope["enlist.address"] = address_of(scope, terms.trusted_proxies, terms.proxy_header)

    async def _fault(self, scope: Scope, receive: Receive, send: Send) -> Refusal | None:
        """Run the application.

        Returns:
            What the client is told of an exception that nobody expected, under a support code, or
            of a database that cannot be reached.
        """
        try:
            await self.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last line before the client
            return self.told(scope, error)
        return None

    def told(self, scope: Scope, error: Exception) -> Refusal:
        """What the client is told of an exception, which is logged."""
        if isinstance(error, StoreUnavailable | Busy):
            _log.warning("unavailable", error=type(error).__name__, detail=str(error)[:300])
            return Refusal("try_later", support_code=support_code())
        code = support_code()
        FAULTS.inc()
        _log.error("fault", support_code=code, path=scope["path"][:200], exc_info=error)
        return Refusal("internal_error", support_code=code)

    def head(self, scope: Scope, response: Response) -> bytes:
        """All headers of a response, a line each, as they are sent."""
        own = response.raw_headers
        if not self._names.isdisjoint(name for name, _ in own):
            return b"".join(map(_line, self._with_ours(scope, own)))
        last = (_REFERRER_POLICY, _referrer_policy(scope))
        return b"".join((*map(_line, own), self._lines, _line(last)))

    def _with_ours(self, scope: Scope, sent: Iterable[tuple[bytes, bytes]]) -> list[Header]:
        """The headers that every answer carries (S32), but where an adapter says it otherwise."""
        headers = [*sent]
        there = {name.lower() for name, _ in headers}
        headers += [each for each in self._headers if each[0] not in there]
        if _REFERRER_POLICY not in there:
            headers.append((_REFERRER_POLICY, _referrer_policy(scope)))
        return headers

    def observe(self, scope: Scope, status: int, took: float) -> None:
        """Count, time and log a request; never its query, headers or body (S60)."""
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._requests(method, str(status)).inc()
        if GOES_ON not in scope:
            self._duration.observe(took)
        self._log.info(
            "request",
            listener=self._listener,
            method=method,
            path=scope["path"][:200],
            status=status,
            ms=round(took * 1000, 1),
            address=scope.get("enlist.address", ""),
        )


async def _in_pieces(send: Send, message: Message) -> None:
    """Send a message, a long body piece by piece, each once those before it have left.

    The same bytes may be the answer to thousands; sent whole, they are kept once for each who does
    not read.
    """
    body = message.get("body", b"")
    if len(body) <= _PIECE:
        await send(message)
        return
    for at in range(0, len(body), _PIECE):
        more = at + _PIECE < len(body) or message.get("more_body", False)
        await send({**message, "body": body[at : at + _PIECE], "more_body": more})


async def leave_to_faults(_request: Request, error: Exception) -> Response:
    """Keep Starlette and FastAPI from answering a bare 500 before `Edge` sees the exception."""
    raise error


class Capped:
    """Refuses a body that is too large before anything parses it, chunked or not (S46).

    Args:
        large: addresses that take larger bodies, and how large. Those are not read here, but by
            the application as it wants them, once it knows who is asking: else strangers could
            fill the memory.
    """

    def __init__(
        self, app: ASGIApp, render: Render, large: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self.app = app
        self._render = render
        self._large = large

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE:
            await self.app(scope, receive, send)
            return
        most = self._large.get(scope["path"], MOST_BYTES)
        declared = header(scope, b"content-length") or "0"
        body = None
        if scope["path"] in self._large and declared.isdigit() and int(declared) <= most:
            await self.app(scope, _counting(receive, most), send)
            return
        if declared.isdigit() and int(declared) <= most:
            try:
                body = await _read(receive, most)
            except ClientDisconnect:
                return  # half a form must not be taken for a whole one
        elif not header(scope, b"expect"):  # who waits to be asked for it has sent nothing
            await _discard(receive, declared)
        if body is None:
            refusal = Refusal("too_large", support_code=support_code())
            await self._render(scope, refusal)(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)


async def _discard(receive: Receive, declared: str) -> None:
    """Let a client finish that has little left to say, before it is refused.

    Closing on what was not read yet resets the connection, and a proxy that was still sending then
    says 502 instead of handing on our answer. Nothing of it is kept.
    """
    left = MOST_DISCARDED
    if declared.isdigit() and int(declared) > left:
        return
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body, or None as soon as it is longer than `most`.

    Raises:
        ClientDisconnect: the client went away before its end.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            if message.get("more_body", False):  # else nothing follows, and nobody would wake us
                await _discard(receive, "")
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


class BodyTooLarge(HTTPException):
    """More came than a body may hold."""

    def __init__(self) -> None:
        super().__init__(413)


def _counting(receive: Receive, most: int) -> Receive:
    """A `receive` that raises `BodyTooLarge` as soon as a body is longer than `most`."""
    size = 0

    async def counting() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise BodyTooLarge
        return message

    return counting


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out a body already read, then whatever follows."""
    done = False

    async def replaying() -> Message:
        nonlocal done
        if done:
            return await receive()
        done = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replaying


class SameSite:
    """Refuses changes that another site made the browser send (S39).

    Browsers say where a request comes from in `Sec-Fetch-Site`, older ones in `Origin`. A request
    with an API key is no browser's. One with our cookie but neither header is refused. Older ones
    hide the origin of a form on a page that a link leads to (`_behind_link`): what proves those
    forms is the nonce that is sealed in them, whatever the origin (X03).
    """

    def __init__(self, app: ASGIApp, render: Render, origin: str, cookie: str) -> None:
        self.app = app
        self._render = render
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(origin))
        self._cookie = f"{cookie}="

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.refuses(scope):
            refusal = Refusal("cross_site", support_code=support_code())
            await self._render(scope, refusal)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def refuses(self, scope: Scope) -> bool:
        """Whether an HTTP request is a change that another site had made."""
        return scope["method"] not in _SAFE and self._foreign(scope)

    def _foreign(self, scope: Scope) -> bool:
        # Only what never goes together with our cookie. A browser repeats a *Basic* login, asked
        # for by a proxy in front of us, with whatever another site makes it send.
        if (header(scope, b"authorization") or "").lower().startswith("bearer "):
            return False
        site = header(scope, b"sec-fetch-site")
        if site is not None:
            return site != "same-origin"  # "none" is for typed addresses, and those are no POST
        origin = header(scope, b"origin")
        if origin == "null" and _behind_link(scope):
            return False
        if origin is not None:
            return origin != self._origin
        return self._cookie in (header(scope, b"cookie") or "")
