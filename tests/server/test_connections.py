"""Clients that send too much, or too slowly send or read, are cut; others notice nothing (S46)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from enlist.web import connections, serving
from enlist.web.boundary import MOST_BYTES, Capped
from enlist.web.connections import (
    BODY,
    HEAD,
    MOST_HEAD,
    MOST_WAITING,
    PATIENCE,
    READ,
    DeviceConnection,
    WebConnection,
)
from enlist.web.serving import Listener, _server, listen
from enlist.web.tls import ReloadingTls, web_tls
from tests.architecture.source import ROOT
from tests.peers.base import DEADLINE, wait_until
from tests.peers.pki import Pki
from tests.server.listening import Pauses, listening
from tests.serving import Server, StartServer

LISTENERS = ("web", "device")
ENDLESS = {HEAD: 3600, BODY: 3600}
UNHURRIED = f"""
from enlist.web import connections
connections.PATIENCE.update({ENDLESS})
from enlist.wiring import main
main()
"""
"""A server that cuts nobody for being slow: so are clients of a test, on a busy machine."""


@contextmanager
def connected(server: Server, listener: str) -> Iterator[socket.socket]:
    """A bare connection to a listener."""
    address = urlsplit(server.url if listener == "web" else server.device_url)
    assert address.port is not None
    plain = socket.create_connection(("127.0.0.1", address.port), timeout=DEADLINE)
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
    """Neither one endless header nor many small ones nor a long address; half as much is fine."""
    server = start_server()
    rest = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    begin, half = b"GET /healthz" + rest, b"a" * (MOST_HEAD // 2)
    many = b"".join(b"X-%d: abcdefgh\r\n" % number for number in range(MOST_HEAD // 8))
    for listener in LISTENERS:
        with connected(server, listener) as fine:
            fine.sendall(begin + b"X-Long: " + half + b"\r\n\r\n")
            assert answer(fine).startswith(b"HTTP/1.1 200"), listener
        for head in (
            begin + b"X-Long: " + half * 2 + b"\r\n\r\n",
            begin + b"X-Long: " + half * 8,
            begin + many + b"\r\n",
            b"GET /healthz?" + half * 2 + rest + b"\r\n",
        ):
            with connected(server, listener) as endless:
                with suppress(ConnectionError, ssl.SSLError):
                    endless.sendall(head)
                assert answer(endless)[:13] in (b"HTTP/1.1 400 ", b""), (listener, head[:40])


def peak(server: Server) -> int:
    """The most memory that the server had since it was last asked, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    return int(line.split()[1]) * 1024


def flood(server: Server, listener: str, clients: int, size: int) -> None:
    """Bodies without their length from many clients, all on their way at once; all refused."""
    head = b"POST /api/v1/redeem HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    part = b"%x\r\n%s\r\n" % (size // 10, b"x" * (size // 10))
    with ExitStack() as stack:
        opened = [stack.enter_context(connected(server, listener)) for _ in range(clients)]
        for sent in (head, *[part] * 10, b"1\r\nx\r\n", b"0\r\n\r\n"):
            for client in opened:
                client.sendall(sent)
        for client in opened:
            assert client.recv(65536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("listener", LISTENERS)
def test_large_bodies_leave_no_memory_behind(start_server: StartServer, listener: str) -> None:
    """200 at a time, again and again, by clients who then leave without a word."""
    server = start_server(program=("-c", UNHURRIED))
    for _ in range(2):
        flood(server, listener, 200, 65_550)
    before = peak(server)
    for _ in range(3):
        flood(server, listener, 200, 65_550)
    # A single flood that stays is 12 MiB of bodies, and with the buffers of TLS twice as much.
    assert peak(server) - before < 24 * 2**20


@pytest.mark.parametrize("listener", LISTENERS)
def test_large_bodies_are_not_kept_while_they_come(
    start_server: StartServer, listener: str
) -> None:
    """95 MB that wait for their end take a few buffers, those of TLS included."""
    server = start_server(program=("-c", UNHURRIED))
    flood(server, listener, 10, 1_900_000)
    peak(server)
    before = peak(server)
    flood(server, listener, 50, 1_900_000)
    assert peak(server) - before < 48 * 2**20


def unread(address: tuple[str, int], stack: ExitStack, request: bytes) -> socket.socket:
    """A client who asks, and has next to no room for the answer."""
    client = stack.enter_context(socket.socket())
    client.settimeout(DEADLINE)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 536)
    client.connect(address)
    client.sendall(request)
    return client


@pytest.mark.parametrize("path", ["/api/openapi.json", "/api/docs"])
def test_answers_that_nobody_reads_take_little_memory(start_server: StartServer, path: str) -> None:
    """Strangers may ask for the longest ones, of which each is half a megabyte and more."""
    server = start_server(program=("-c", UNHURRIED))
    with server.client() as client:
        for _ in range(3):
            assert len(client.get(path).content) > 500_000
    address = urlsplit(server.url)
    assert address.hostname
    assert address.port
    peak(server)
    before = peak(server)
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(150):
            unread((address.hostname, address.port), stack, request)
        with server.client() as client:  # after theirs, which have begun by then
            assert client.get(path).is_success
    assert peak(server) - before < 40 * 2**20


@pytest.mark.parametrize("fields", [b"", b"Connection: close\r\n"])
@pytest.mark.parametrize("listener", LISTENERS)
def test_whoever_reads_nothing_is_cut(listener: str, fields: bytes) -> None:
    """Else he keeps his connection, and what waits for him there, for ever."""
    pauses, app = Pauses(), PlainTextResponse(b"x" * 20_000_000)
    with (
        listening(listener, app, new_loop=pauses.loop) as (port, server),
        ExitStack() as stack,
    ):
        made = server.server_state.connections
        request = b"GET / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n"
        client = unread(("127.0.0.1", port), stack, request)
        wait_until(lambda: bool(pauses.running()), "the end of what he has room for")
        pauses.go_on(PATIENCE[READ] - 1)
        assert made
        pauses.go_on(1)
        wait_until(lambda: not made, "its end")
        assert len(answer(client)) < 20_000_000


@pytest.mark.parametrize("listener", LISTENERS)
def test_whoever_reads_slowly_gets_everything(listener: str) -> None:
    """He may take far longer than the patience, as long as he goes on."""
    pauses, enough = Pauses(), threading.Event()

    async def long(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        while not enough.is_set():
            body = {"type": "http.response.body", "body": b"x" * 30_000, "more_body": True}
            await send(body)
        await send({"type": "http.response.body", "body": b"the end"})

    with (
        listening(listener, long, new_loop=pauses.loop) as (port, _),
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client,
        ExitStack() as stack,
    ):
        stack.callback(enough.set)  # also for a client who was cut, by mistake
        client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        for _ in range(5):
            wait_until(lambda: bool(pauses.running()), "the end of what he has room for")
            pauses.go_on(0.7 * PATIENCE[READ])
            waiting, read = pauses.running(), 0
            while any(not timer.cancelled() for timer in waiting):
                part = client.recv(400_000)
                read += len(part)
                assert part, "it was cut"
                assert read < 100_000_000, "nobody noticed that he reads"
        enough.set()
        assert answer(client).endswith(b"the end\r\n0\r\n\r\n")


def test_the_guide_states_the_limits() -> None:
    """Who puts a proxy in front has to know them."""
    head, body = connections.PATIENCE[connections.HEAD], connections.PATIENCE[connections.BODY]
    with listen("127.0.0.1:0") as opened:
        idle = _server(PlainTextResponse("served"), Listener("web", opened)).config
    assert (head, body, idle.timeout_keep_alive) == (10, 20, 30)
    assert (MOST_HEAD, MOST_BYTES) == (16 * 1024, 64 * 1024)
    guide = " ".join((ROOT / "docs/how-to/proxies.md").read_text().split())
    assert f"a body of more than {MOST_BYTES // 1024} KiB with 413" in guide
    assert f"waits {head} seconds for a request's headers and {body} for its body" in guide
    assert f"closes a connection that is idle for {idle.timeout_keep_alive} seconds" in guide
    assert f"reads nothing of an answer for {PATIENCE[READ]}." in guide


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], socket.socket]]:
    """Connections to listeners of this process that wait for nobody."""
    monkeypatch.setattr(connections, "PATIENCE", {**PATIENCE, HEAD: 0.2, BODY: 0.4})
    app = Capped(PlainTextResponse("served"), lambda _scope, _refusal: PlainTextResponse("no"))
    with ExitStack() as stack:
        ports = {name: stack.enter_context(listening(name, app))[0] for name in LISTENERS}
        yield lambda name: stack.enter_context(
            socket.create_connection(("127.0.0.1", ports[name]), timeout=DEADLINE)
        )


@pytest.mark.parametrize("listener", LISTENERS)
def test_an_endless_head_ends_by_its_length(monkeypatch: pytest.MonkeyPatch, listener: str) -> None:
    """Not by the patience with slow clients, which a fast one never wears out."""
    monkeypatch.setattr(connections, "PATIENCE", {**PATIENCE, **ENDLESS})
    with listening(listener, PlainTextResponse("served")) as (port, _):
        endless = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        with endless:
            with suppress(ConnectionError):
                endless.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 8 * 65536)
            assert answer(endless)[:13] in (b"HTTP/1.1 400 ", b"")


TRAILING = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"


@pytest.mark.parametrize("fields", [b"a: " + b"b" * 8 * 65536, b"a: b\r\n" * 65536])
@pytest.mark.parametrize("listener", LISTENERS)
def test_fields_behind_a_body_end_by_their_length(
    monkeypatch: pytest.MonkeyPatch, listener: str, fields: bytes
) -> None:
    """Each would be kept, a gigabyte within seconds."""
    monkeypatch.setattr(connections, "PATIENCE", {**PATIENCE, **ENDLESS})
    with listening(listener, PlainTextResponse("served")) as (port, _):
        endless = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        with endless:
            with suppress(ConnectionError):
                endless.sendall(TRAILING)
                endless.sendall(fields)
            answer(endless)  # comes to an end


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_field_behind_the_body_is_none_of_the_head(listener: str) -> None:
    """Else a client would say where he comes from: no proxy that passes it on has looked at it."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        names = b" ".join(name for name, _ in scope["headers"])
        await PlainTextResponse(names)(scope, receive, send)

    with listening(listener, told) as (port, _):
        sender = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        with sender:
            sender.sendall(TRAILING + b"X-Forwarded-For: 192.0.2.9\r\n\r\n")
            assert sender.recv(65536).endswith(b"\r\n\r\nhost transfer-encoding")


@pytest.mark.parametrize("listener", LISTENERS)
def test_whoever_dawdles_is_cut(hurried: Callable[[str], socket.socket], listener: str) -> None:
    """Nothing at all, half a head, and half a body."""
    form = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nfield="
    for sent in (b"", b"GET / HTTP/1.1\r\nHost: x", form):
        slow = hurried(listener)
        slow.sendall(sent)
        assert answer(slow) == b"", sent


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_handshake_that_does_not_end_is_cut(
    monkeypatch: pytest.MonkeyPatch, throwaway_pki: Pki, listener: str
) -> None:
    """Nothing at all, and the beginning of a client's first words."""
    monkeypatch.setattr(connections, "PATIENCE", {connections.HEAD: 0.3, connections.BODY: 0.4})
    monkeypatch.setattr(serving, "PATIENCE", connections.PATIENCE)
    files = throwaway_pki.server
    tls = ReloadingTls(listener, (files.certificate, files.key), web_tls)
    with listening(listener, PlainTextResponse("served"), tls) as (port, _):
        for begin in (b"", b"\x16\x03\x01\x02\x00\x01"):
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as slow:
                slow.sendall(begin)
                assert answer(slow) == b""


@pytest.mark.parametrize("listener", LISTENERS)
def test_whoever_trickles_is_cut_as_well(
    hurried: Callable[[str], socket.socket], listener: str
) -> None:
    """A byte now and then buys no more time: the whole head counts, and the whole body."""
    form = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    for begin in (b"GET / HTTP/1.1\r\nX-Long: ", form):
        slow = hurried(listener)
        slow.sendall(begin)
        slow.settimeout(0.05)
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            try:
                slow.sendall(b"a")
                assert slow.recv(1) == b"", "it was answered"
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("it was never cut")


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def served(connection: socket.socket, times: int = 1) -> None:
    """Wait for so many answers; fail where the connection ends before."""
    found = b""
    while found.count(b"served") < times:
        part = connection.recv(65536)
        assert part, "it was cut"
        found += part


@contextmanager
def welcomed(
    monkeypatch: pytest.MonkeyPatch, listener: str, app: ASGIApp, **hurry: float
) -> Iterator[socket.socket]:
    """A connection that is cut for nothing until it is there, and from then on as `hurry` says.

    A test that has to send its first request within a moment fails where the machine is busy.
    """
    monkeypatch.setattr(connections, "PATIENCE", {**PATIENCE, **ENDLESS})
    with listening(listener, app) as (port, server):

        def waited_for() -> bool:
            made: Any = server.server_state.connections
            return any(each._deadline is not None for each in made)

        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
            wait_until(waited_for, "the listener")
            monkeypatch.setattr(connections, "PATIENCE", {**connections.PATIENCE, **hurry})
            yield client


@pytest.mark.parametrize("listener", LISTENERS)
def test_an_empty_line_holds_no_idle_connection_open(
    monkeypatch: pytest.MonkeyPatch, listener: str
) -> None:
    """It ends the time for being idle, and so begins that for the next head; or it is an error."""
    with welcomed(monkeypatch, listener, PlainTextResponse("served"), head=0.2) as idle:
        for _ in range(2):
            idle.sendall(GET)
            served(idle)
        idle.sendall(b"\r\n")
        assert answer(idle)[:13] in (b"HTTP/1.1 400 ", b"")


def test_the_rest_of_an_answered_body_holds_no_connection_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever was answered before he had sent everything, sends it, and says no more."""
    with welcomed(monkeypatch, "web", PlainTextResponse("served"), head=0.2) as early:
        early.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n")
        served(early)
        early.sendall(b"a" * 70000)
        assert answer(early) == b""


@pytest.mark.parametrize("listener", LISTENERS)
def test_an_empty_line_cuts_no_request_that_is_answered(
    monkeypatch: pytest.MonkeyPatch, listener: str
) -> None:
    """Nor does another request that waits for its turn."""
    monkeypatch.setattr(connections, "PATIENCE", {**PATIENCE, HEAD: 0.1, BODY: 0.1})
    begun = threading.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            begun.set()
            await asyncio.sleep(0.4)
            await PlainTextResponse("served")(scope, receive, send)

    with listening(listener, slow) as (port, _):

        def let_in(following: bytes, answers: int) -> bool:
            """False where it was this test that was too slow: the request was not even begun."""
            begun.clear()
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as waiting:
                try:
                    waiting.sendall(GET)
                    waiting.sendall(following)
                    served(waiting, answers)
                except (ConnectionError, AssertionError):
                    if begun.is_set():
                        raise
            return begun.is_set()

        wait_until(lambda: let_in(b"\r\n", 1), "the listener")
        wait_until(lambda: let_in(GET, 2), "the listener")


def test_few_requests_wait_for_their_turn() -> None:
    """What one connection sends at once would else be thousands, each kept until it is answered."""
    with listening("web", PlainTextResponse("served")) as (port, _):
        few = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        with few:
            few.sendall(GET * MOST_WAITING)
            served(few, MOST_WAITING)
        many = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        with many:
            many.sendall(GET * 500)
            assert b"HTTP/1.1 400 " in answer(many)


def test_nothing_is_owed_after_a_whole_request() -> None:
    """A body in two parts is waited for; between two requests no deadline runs."""
    app = Capped(PlainTextResponse("served"), lambda _scope, _refusal: PlainTextResponse("no"))
    for name in LISTENERS:
        with listening(name, app) as (port, server):
            brisk = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
            with brisk:
                brisk.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nfiel")
                brisk.sendall(b"d=ab")
                served(brisk)
                (connection,) = server.server_state.connections
                assert isinstance(connection, WebConnection | DeviceConnection)
                owing = connection
                # Who is answered early may still be sending.
                wait_until(lambda: owing._deadline is None, "no deadline")  # noqa: B023
                brisk.sendall(GET)
                served(brisk)


@pytest.mark.parametrize("name", LISTENERS)
def test_who_leaves_rudely_leaves_no_timer_behind(name: str) -> None:
    """It would keep the connection with all its buffers for as long as an idle one may last."""
    with listening(name, PlainTextResponse("served")) as (port, server):
        rude = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        with rude:
            rude.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert rude.recv(65536).startswith(b"HTTP/1.1 200")
            (connection,) = server.server_state.connections
            assert isinstance(connection, WebConnection | DeviceConnection)
            wait_until(lambda: connection.timeout_keep_alive_task is not None, "the timer")
            reset = struct.pack("ii", 1, 0)  # closing sends RST instead of FIN
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        wait_until(lambda: not server.server_state.connections, "the end of the connection")
        # Taken from the list first; the timer would run for an hour.
        wait_until(lambda: connection.timeout_keep_alive_task is None, "no timer")
