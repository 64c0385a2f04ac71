"""Devices by the thousand, each with a certificate of its own, and their sessions.

A device's side of a session does as little as can be, for it shares the machine with the server.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx2

from tests.devices import Credentials, proof
from tests.requests import device_key, request_pem
from tests.serving import Server

AT_ONCE: Final = 50
"""Devices that connect at the same time; a process lets 100 of one address sign at a time."""
WITHIN: Final = 60.0

Given = TypeVar("Given")
Made = TypeVar("Made")


class Session(asyncio.Protocol):
    """One session, from the handshake until its socket is closed.

    Attributes:
        open: is done once the server says that it is.
        closed: when the socket was closed, in seconds of `time.perf_counter`.
        reason: the code of the close frame; 0 where none came.
    """

    def __init__(self, server: Server, credentials: Credentials) -> None:
        loop = asyncio.get_running_loop()
        self.credentials = credentials
        self.open: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[float] = loop.create_future()
        self.reason = 0
        self._audience = server.device_url
        self._buffer, self._upgraded = b"", False
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            "GET /session HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head[:20]:
                self.open.set_exception(ConnectionError(head.decode()))
                return
            self._upgraded, self._buffer = True, rest
        while (frame := self._frame()) is not None:
            self._handle(*frame)

    def _frame(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 2:
            return None
        size, first = self._buffer[1], 2
        if size == 126:
            size, first = struct.unpack(">H", self._buffer[2:4])[0], 4
        if len(self._buffer) < first + size:
            return None
        found = self._buffer[0] & 15, self._buffer[first : first + size]
        self._buffer = self._buffer[first + size :]
        return found

    def _handle(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._send(10, payload)
        elif opcode == 8:
            self.reason = int.from_bytes(payload[:2], "big")
        elif opcode == 1:
            said = json.loads(payload)
            if said["type"] == "open":
                self.open.set_result(None)
            else:
                answer = proof(self.credentials, said["nonce"], self._audience)
                self._send(1, json.dumps(answer).encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([128 | opcode, 128 | min(size, 126)])
        head += struct.pack(">H", size) if size >= 126 else b""
        self._transport.write(head + bytes(4) + payload)  # masked by zeros

    def leave(self) -> None:
        """Go without a word."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(time.perf_counter())
        if not self.open.done():
            self.open.set_exception(exc or ConnectionError(f"closed by {self.reason}"))


async def enroll(server: Server, bodies: Path, folder: Path, count: int) -> list[Credentials]:
    """Redeem that many tokens (see `many.prepare`), each for a device and a key of its own."""
    with bodies.open() as lines:
        tokens = [json.loads(next(lines))["token"] for _ in range(count)]
    async with clients(server.url) as turn:

        async def one(numbered: tuple[int, str]) -> Credentials:
            number, token = numbered
            csr = request_pem(number).decode()
            body = {"token": token, "device": {"platform": "linux"}, "csr": csr}
            answer = await turn(number).post("/api/v1/redeem", json=body)
            assert answer.status_code == 201, answer.text
            told = answer.json()
            chain, place = told["certificate"] + told["chain"], folder / f"device-{number}"
            return Credentials(told["device"]["id"], chain, device_key(number), place)

        return await all_of(one, list(enumerate(tokens)), 2 * AT_ONCE)


@asynccontextmanager
async def clients(url: str) -> AsyncIterator[Callable[[int], httpx2.AsyncClient]]:
    """Some HTTP clients by turns: one alone is slow with many connections."""
    several = [httpx2.AsyncClient(base_url=url, trust_env=False, timeout=WITHIN) for _ in range(10)]
    try:
        yield lambda number: several[number % len(several)]
    finally:
        for each in several:
            await each.aclose()


async def connect(server: Server, held: Sequence[Credentials], *, tls: bool) -> list[Session]:
    """A session of each of these devices."""

    async def one(credentials: Credentials) -> Session:
        return await opened(server, credentials, tls=tls)

    return await all_of(one, held, AT_ONCE)


async def opened(server: Server, credentials: Credentials, *, tls: bool) -> Session:
    """An open session: on the device listener, or without TLS on the web listener."""
    url = urlsplit(server.device_url if tls else server.url)
    context = None
    if tls:
        context = ssl.create_default_context(cafile=server.authority)
        context.load_cert_chain(*credentials.files)
    _, session = await asyncio.get_running_loop().create_connection(
        lambda: Session(server, credentials),
        "127.0.0.1",
        url.port or 0,
        ssl=context,
        server_hostname="localhost" if tls else None,
    )
    await asyncio.wait_for(asyncio.shield(session.open), WITHIN)
    return session


async def all_of(
    work: Callable[[Given], Awaitable[Made]], what: Iterable[Given], at_once: int
) -> list[Made]:
    """The results of work on each, so many at the same time; in the order in which they end."""
    waiting, made = iter(what), list[Made]()

    async def some() -> None:
        for each in waiting:
            made.append(await work(each))

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(some())
    return made
