"""Clients that send too much or too slowly lose their connection; others notice nothing (S46)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from enlist.web import connections
from enlist.web.boundary import Capped
from enlist.web.connections import MOST_HEAD, DeviceConnection, WebConnection
from enlist.web.serving import Listener, _server, listen
from tests.serving import Server, StartServer

LISTENERS = ("web", "device")


@contextmanager
def connected(server: Server, listener: str) -> Iterator[socket.socket]:
    """A bare connection to a listener."""
    address = urlsplit(server.url if listener == "web" else server.device_url)
    assert address.port is not None
    plain = socket.create_connection(("127.0.0.1", address.port), timeout=15)
    if listener == "device":
        context = ssl.create_default_context(cafile=server.authority)
        plain = context.wrap_socket(plain, server_hostname="localhost")
    with plain:
        yield plain


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except (ConnectionError, ssl.SSLError):
        pass
    return found


def test_a_head_ends_somewhere(start_server: StartServer) -> None:
    """Neither one endless header nor many small ones; an ordinary long one is fine.

    The device listener looks at a head once it is longer than one read, 64 KiB.
    """
    server = start_server()
    begin = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    for listener in LISTENERS:
        with connected(server, listener) as fine:
            fine.sendall(begin + b"X-Long: " + b"a" * 8000 + b"\r\n\r\n")
            assert answer(fine).startswith(b"HTTP/1.1 200"), listener
        most = MOST_HEAD if listener == "web" else 8 * 65536
        many = b"".join(b"X-%d: abcdefgh\r\n" % number for number in range(most // 8))
        for head in (b"X-Long: " + b"a" * 4 * MOST_HEAD, many + b"\r\n"):
            with connected(server, listener) as endless:
                with suppress(ConnectionError, ssl.SSLError):
                    endless.sendall(begin + head)
                assert answer(endless)[:13] in (b"HTTP/1.1 400 ", b""), listener


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], socket.socket]]:
    """Connections to listeners of this process that wait for nobody."""
    monkeypatch.setattr(connections, "PATIENCE", {connections.HEAD: 0.2, connections.BODY: 0.4})
    app = Capped(PlainTextResponse("served"), lambda _scope, _refusal: PlainTextResponse("no"))
    with ExitStack() as stack:
        ports = {name: stack.enter_context(_listening(name, app))[0] for name in LISTENERS}
        yield lambda name: stack.enter_context(
            socket.create_connection(("127.0.0.1", ports[name]), timeout=15)
        )


@contextmanager
def _listening(name: str, app: ASGIApp) -> Iterator[tuple[int, uvicorn.Server]]:
    """One listener in a thread; its port, and its server."""
    listener = Listener(name, listen("127.0.0.1:0"))
    server = _server(app, listener)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener.socket])))
    port: int = listener.socket.getsockname()[1]
    thread.start()
    try:
        yield port, server
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("listener", LISTENERS)
def test_an_endless_head_ends_by_its_length(monkeypatch: pytest.MonkeyPatch, listener: str) -> None:
    """Not by the patience with slow clients, which a fast one never wears out."""
    monkeypatch.setattr(connections, "PATIENCE", {connections.HEAD: 3600, connections.BODY: 3600})
    with _listening(listener, PlainTextResponse("served")) as (port, _):
        endless = socket.create_connection(("127.0.0.1", port), timeout=15)
        with endless:
            with suppress(ConnectionError):
                endless.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 8 * 65536)
            assert answer(endless)[:13] in (b"HTTP/1.1 400 ", b"")


@pytest.mark.parametrize("listener", LISTENERS)
def test_whoever_dawdles_is_cut(hurried: Callable[[str], socket.socket], listener: str) -> None:
    """Nothing at all, half a head, and half a body."""
    form = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nfield="
    for sent in (b"", b"GET / HTTP/1.1\r\nHost: x", form):
        slow = hurried(listener)
        slow.sendall(sent)
        assert answer(slow) == b"", sent


def test_nothing_is_owed_after_a_whole_request() -> None:
    """A body in two parts is waited for; between two requests no deadline runs."""
    app = Capped(PlainTextResponse("served"), lambda _scope, _refusal: PlainTextResponse("no"))
    for name in LISTENERS:
        with _listening(name, app) as (port, server):
            brisk = socket.create_connection(("127.0.0.1", port), timeout=15)
            with brisk:
                brisk.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nfiel")
                brisk.sendall(b"d=ab")
                assert brisk.recv(65536).startswith(b"HTTP/1.1 200")
                (connection,) = server.server_state.connections
                assert isinstance(connection, WebConnection | DeviceConnection)
                assert connection._deadline is None
