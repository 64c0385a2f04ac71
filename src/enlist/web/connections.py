"""Connections: what a listener bears from a client that is slow, endless or proves who it is.

uvicorn has no settings for these; this leans on a few of its protocols' callbacks, and tests over
real sockets say when one of them changes. Whoever does not finish a request in time, or sends a
head without end, loses the connection before any of it reaches an application (S46).
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from enlist.web.corked import Corked
from enlist.web.hot import Direct, Hot

MOST_HEAD: Final = 16 * 1024
"""Bytes of request line and headers."""

MOST_WAITING: Final = 16
"""Requests on one connection that wait behind the one that is being answered."""

CUT: Final = "enlist.cut"
"""In a request's scope: ends its connection at once, whatever its reader has left unread."""

HEAD: Final = "head"
BODY: Final = "body"
READ: Final = "read"
LEAVE: Final = "leave"
NOTHING: Final = ""
PATIENCE: Final = {HEAD: 10, BODY: 20, READ: 60, LEAVE: 1}
"""Seconds that a client has for each part of a request, to read on where answers wait for him, and
to go once its head was refused: TLS waits for him, and swallows what he goes on sending. Between
requests keep-alive counts."""

MOST_UNREAD: Final = 64 * 1024
"""Bytes of answers that wait for a client; TLS would keep eight times as many."""


class _UnderWay:
    """A request that is being answered directly, for uvicorn in place of its own cycle."""

    __slots__ = ("disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self) -> None:
        self.response_complete = self.disconnected = False
        self.keep_alive = True
        self.message_event = _NOBODY


class _Nobody:
    def set(self) -> None:
        """Nobody waits for more of a request that is answered directly: it has come."""


_NOBODY: Final = _Nobody()


class WebConnection(HttpToolsProtocol):
    """A connection to the web listener.

    It is cut when the client takes too long for what it owes. Its answers leave in one piece each
    (`corked`). Requests of the hot lane are answered directly where nothing else is under way
    (`hot`).
    """

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _corked: Corked
    _owed: str = NOTHING
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _reading: str = HEAD
    _head: int = 0
    _got_body: bool = False
    _hot: Hot | None = None
    _taken_one: bool = False
    _parts: list[bytes]

    def connection_made(self, transport: Any) -> None:
        direct = getattr(self.app, "direct", None)
        self._direct = direct if isinstance(direct, Direct) else None
        self._parts = []
        transport.set_write_buffer_limits(MOST_UNREAD)
        self._corked = Corked(transport, self.loop, self._await_reader)
        super().connection_made(cast("asyncio.Transport", self._corked))
        self._expect(HEAD)

    def handle_websocket_upgrade(self) -> None:
        self._await_nobody()
        self.transport = self._corked.bare()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        behind_head, self._got_body = self._reading == BODY, False
        self._taken_one = False
        super().data_received(data)
        if self.transport.get_protocol() is not self:  # it is a WebSocket from here on
            self._expect(NOTHING)
            return
        trailing = behind_head and self._reading == BODY and not self._got_body
        if self._reading == HEAD or trailing:
            # The parser keeps an unfinished header to itself, however long it grows.
            self._head += len(data)
            if self._head > MOST_HEAD and not self.transport.is_closing():
                self.send_400_response("Request head too large.")
        elif (
            self._reading == NOTHING
            and self.cycle.response_complete
            and self.timeout_keep_alive_task is None
        ):
            # An empty line, or the rest of a body that was answered early: uvicorn stopped its
            # timer for it, and starts it again only after another answer.
            self._reading, self._head = HEAD, 0
        self._expect(LEAVE if self.transport.is_closing() else self._reading)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._await_nobody()
        if self.transport.is_closing():  # the rest has to leave as well
            self._await_reader()

    def _await_reader(self) -> None:
        """Cut him off if he goes on reading nothing: what waits for him would be kept for ever."""
        if self._unread is None:
            self._unread = self.loop.call_later(PATIENCE[READ], self.transport.abort)

    def _await_nobody(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._corked.lost()
        self._await_nobody()
        self._expect(NOTHING)
        if self._direct is not None and self._hot is not None:
            self._direct.left(cast("dict[str, Any]", self.scope))
        super().connection_lost(exc)
        # uvicorn's own timer goes on where a client left rudely, and would keep all its buffers.
        self._unset_keepalive_if_required()

    def on_message_begin(self) -> None:
        self._reading, self._head = HEAD, 0
        self._unset_keepalive_if_required()  # of an answer to what came in the same piece
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)[CUT] = self.transport.abort

    def on_header(self, name: bytes, value: bytes) -> None:
        # A field behind the body is nobody's word: no proxy has looked at it, and without this it
        # would stand among those of the head (RFC 9110, section 6.5.1).
        if self._reading == HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._reading, self._head = BODY, 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MOST_HEAD:
            raise ValueError("request head too large")  # the parser's caller answers 400
        if len(self.pipeline) >= MOST_WAITING:
            raise ValueError("too many requests at once")  # each takes many times its bytes
        self._hot = self._taken()
        if self._hot is None:
            super().on_headers_complete()
            return
        self._taken_one = True
        # What comes behind it waits in uvicorn's pipeline, and a server that stops waits for it.
        self.cycle = cast("Any", _UnderWay())

    def on_body(self, body: bytes) -> None:
        self._got_body, self._head = True, 0
        if self._hot is None:
            super().on_body(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        self._reading = NOTHING
        if self._direct is None or self._hot is None:
            super().on_message_complete()
            return
        write = functools.partial(self._answer, cast("Any", self.cycle))
        hot, self._hot = self._hot, None
        parts, self._parts = self._parts, []
        scope = cast("dict[str, Any]", self.scope)
        self._direct.ask(hot, scope, b"".join(parts), write)

    def _taken(self) -> Hot | None:
        """What answers this request directly; None where uvicorn has to see to anything.

        One of all that come in a piece: some are answered at once, and thousands of those that come
        together would keep everybody else waiting.
        """
        last = cast("RequestResponseCycle | None", self.cycle)
        idle = last is None or last.response_complete
        if self._direct is None or self._taken_one or not idle:
            return None
        if self.flow.write_paused or self.expect_100_continue:
            return None
        parser = self.parser
        if parser.get_http_version() != "1.1" or not parser.should_keep_alive():
            return None
        path, _, query = self.url.partition(b"?")
        scope = cast("dict[str, Any]", self.scope)
        scope["method"], scope["path"] = parser.get_method().decode(), path.decode("latin-1")
        scope["raw_path"], scope["query_string"] = path, query
        return None if parser.should_upgrade() else self._direct.takes(scope)

    def _answer(self, under_way: _UnderWay, status: int, headers: bytes, body: bytes) -> None:
        """Send an answer, as uvicorn's cycle would, and let it see to what comes next."""
        under_way.response_complete = True
        if under_way.disconnected or self.transport.is_closing():
            return
        own = [*self.server_state.default_headers]
        if not under_way.keep_alive:
            own.append((b"connection", b"close"))
        lines = b"".join(b"%b: %b\r\n" % each for each in own)
        self._corked.bare().write(b"".join((STATUS_LINE[status], lines, headers, b"\r\n", body)))
        if not under_way.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _expect(self, owed: str) -> None:
        if owed == self._owed:
            return
        self._owed = owed
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if owed != NOTHING:
            self._deadline = self.loop.call_later(PATIENCE[owed], self.transport.abort)


class DeviceConnection(WebConnection):
    """A connection to the device listener: its requests carry the proven client certificate.

    A test over six kinds of them watches (TP30).
    """

    _certificate: bytes | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._certificate = tls.getpeercert(binary_form=True)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: Any = self.scope
        scope["extensions"] = {"tls": {"client_certificate": self._certificate}}
