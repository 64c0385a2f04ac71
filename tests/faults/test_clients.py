"""Clients that mean harm, or know no better, keep nobody out (S46).

What exactly they are told, and when their connection ends, `tests/server/test_connections.py` says.
"""

from __future__ import annotations

import resource
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.redeeming import prepared, redeem, registered
from tests.peers.base import DEADLINE, wait_until
from tests.serving import Server, StartServer

HEADER = 10_000_000
GROWTH = 20_000_000
"""Bytes that a server's memory may grow by for a few of them."""
SLOW = 100
IDLE = 2_000
"""Connections to each listener."""


@pytest.fixture
def server(start_server: StartServer) -> Iterator[Server]:
    """Started as from a shell, which allows 1,024 open files; it asks for more."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        yield start_server()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connection(server: Server, listener: str, *, tls: bool = True) -> socket.socket:
    """A bare connection to a listener; on the device listener inside TLS, or not even that."""
    address = urlsplit(server.url if listener == "web" else server.device_url)
    plain = socket.create_connection(("127.0.0.1", address.port or 0), DEADLINE)
    if listener == "web" or not tls:
        return plain
    context = ssl.create_default_context(cafile=server.authority)
    return context.wrap_socket(plain, server_hostname="localhost")


def memory(server: Server) -> int:
    """Bytes that the server's process holds."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def everybody_else_is_served(server: Server) -> Callable[[], None]:
    """What is to be asked while somebody does harm: both listeners answer."""
    token = registered(server, prepared(server), "laptop")

    def ask() -> None:
        assert redeem(server, token).status_code == 201
        with server.device_client() as device:
            assert device.get("/healthz").status_code == 200

    return ask


def go_on(endless: socket.socket) -> None:
    """Send ten megabytes, again and again."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        endless.sendall(b"a" * HEADER)


@pytest.mark.parametrize("listener", ["web", "device"])
def test_a_header_of_ten_megabytes(server: Server, listener: str) -> None:
    """Whoever goes on and on is cut off, and memory stays as it was."""
    ask = everybody_else_is_served(server)
    before = memory(server)
    for _ in range(3):
        with connection(server, listener) as endless:
            endless.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
            with pytest.raises((ConnectionError, ssl.SSLError)):
                go_on(endless)
    wait_until(lambda: memory(server) < before + GROWTH, "memory as it was")
    ask()


def test_slow_clients(server: Server) -> None:
    """Half a head and half a body each, on both listeners."""
    ask = everybody_else_is_served(server)
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: a"
    form = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nfield="
    with ExitStack() as slow:
        for number in range(SLOW):
            for listener in ("web", "device"):
                dawdler = slow.enter_context(connection(server, listener))
                dawdler.sendall(form if number % 2 else head)
        ask()


def test_thousands_of_idle_connections(server: Server) -> None:
    """Who only holds connections open, on either listener, is no trouble to who asks."""
    ask = everybody_else_is_served(server)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as idle:
        for listener in ("web", "device"):
            for _ in range(IDLE):
                idle.enter_context(connection(server, listener, tls=False))
        ask()
