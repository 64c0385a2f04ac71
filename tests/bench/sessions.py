"""Device sessions: memory of each, and how soon a reset drops them (P06, P07).

    python -m tests.bench.sessions

From the environment: BENCH_SESSIONS (1000), BENCH_PROCESSES (1; more take PostgreSQL), BENCH_TLS
(1 connects to the device listener by certificate, else plain on the web listener by signature),
BENCH_RESETS (50). It prints one line and keeps nothing.

A hundred devices hold the idle sessions, and each reset is of a device of its own. A figure of
memory is the growth of the server's resident memory from the first tenth of the sessions to the
last, so that what a server needs anyhow does not count.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import uvloop

from tests.devices import Credentials, enroll, proof
from tests.peers.postgres import cluster
from tests.serving import Server, launch_server

SESSIONS: Final = int(os.environ.get("BENCH_SESSIONS", "1000"))
PROCESSES: Final = int(os.environ.get("BENCH_PROCESSES", "1"))
TLS: Final = os.environ.get("BENCH_TLS") == "1"
RESETS: Final = int(os.environ.get("BENCH_RESETS", "50"))
PER_DEVICE: Final = 100
_AT_ONCE: Final = 50
_WITHIN: Final = 60.0


class Session(asyncio.Protocol):
    """A device's side, with as little work as can be: it shares the machine with the server."""

    def __init__(self, server: Server, credentials: Credentials) -> None:
        loop = asyncio.get_running_loop()
        self.open: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[float] = loop.create_future()
        self._server, self._credentials = server, credentials
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
        elif opcode == 8 and not self.closed.done():
            self.closed.set_result(time.perf_counter())
        elif opcode == 1:
            said = json.loads(payload)
            if said["type"] == "open":
                self.open.set_result(None)
            else:
                answer = proof(self._credentials, said["nonce"], self._server.device_url)
                self._send(1, json.dumps(answer).encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([128 | opcode, 128 | min(size, 126)])
        head += struct.pack(">H", size) if size >= 126 else b""
        self._transport.write(head + bytes(4) + payload)  # masked by zeros

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(time.perf_counter())
        if not self.open.done():
            self.open.set_exception(exc or ConnectionError("closed"))


async def connect(server: Server, credentials: Credentials, count: int) -> list[Session]:
    """That many sessions of one device."""
    loop = asyncio.get_running_loop()
    url = urlsplit(server.device_url if TLS else server.url)
    context = None
    if TLS:
        context = ssl.create_default_context(cafile=server.authority)
        context.load_cert_chain(*credentials.files)
    made: list[Session] = []
    for _ in range(count):
        _, session = await loop.create_connection(
            lambda: Session(server, credentials),
            "127.0.0.1",
            url.port or 0,
            ssl=context,
            server_hostname="localhost" if context else None,
        )
        made.append(session)
    await asyncio.wait_for(asyncio.gather(*(each.open for each in made)), _WITHIN)
    return made


def resident(server: Server) -> int:
    """Bytes of resident memory of the processes that serve."""
    parent = server.process.pid
    children = subprocess.run(
        ["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False
    ).stdout.split()
    pages = 0
    for pid in children or [str(parent)]:
        pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def measure(server: Server, key: str, folder: Path) -> None:
    """Connect, reset one after another, and end all that is left."""
    devices = SESSIONS // PER_DEVICE
    held = [enroll(server, key, folder, number + 1) for number in range(devices)]
    single = [enroll(server, key, folder, devices + number + 1) for number in range(RESETS)]
    began = time.perf_counter()
    sessions: list[Session] = []
    memory = (0, 0)
    for number, each in enumerate(held):
        for _ in range(PER_DEVICE // _AT_ONCE):
            sessions += await connect(server, each, _AT_ONCE)
        if number == max(0, devices // 10 - 1):
            memory = (len(sessions), resident(server))
    took = time.perf_counter() - began
    await asyncio.sleep(1)
    grown = (resident(server) - memory[1]) / max(1, len(sessions) - memory[0])
    headers = {"Authorization": f"Bearer {key}"}
    waited: list[float] = []
    alone = [(await connect(server, each, 1))[0] for each in single]
    async with httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=30) as client:
        for device, session in zip(single, alone, strict=True):
            answer = await client.post(f"/api/v1/devices/{device.device_id}/reset", json={})
            answered = time.perf_counter()
            assert answer.status_code < 300, answer.text
            waited.append(max(0.0, await asyncio.wait_for(session.closed, _WITHIN) - answered))
        assert not any(each.closed.done() for each in sessions), "others were dropped, too"
        user = (await client.get("/api/v1/users", params={"search": "root"})).json()["items"][0]
        await all_at_once(server, user["id"])
        answered = time.perf_counter()
        ends = await asyncio.wait_for(asyncio.gather(*(s.closed for s in sessions)), _WITHIN)
    waited.sort()
    print(
        f"{len(sessions)} sessions, {PROCESSES} process(es), {'TLS' if TLS else 'plain'}: "
        f"{grown / 1024:.1f} KB each, opened {len(sessions) / took:.0f}/s; "
        f"reset to drop p50 {1000 * statistics.median(waited):.0f} ms, "
        f"p99 {1000 * waited[int(0.99 * (len(waited) - 1))]:.0f} ms, "
        f"most {1000 * waited[-1]:.0f} ms; all dropped in {1000 * (max(ends) - answered):.0f} ms",
        flush=True,
    )


async def all_at_once(server: Server, user_id: str) -> None:
    """End every session of everybody's in one transaction, as when an organization goes."""
    from enlist.settings import Settings
    from enlist.store import credentials
    from enlist.wiring.installation import open_installation

    settings = Settings(data=server.data, database=server.database)
    installation = open_installation(settings, beginning=None)
    try:
        installation.store.write(lambda tx: credentials.revoke_of_user(tx, user_id, "deleted"))
    finally:
        installation.close()


@contextmanager
def database() -> Iterator[str]:
    """PostgreSQL for several processes, SQLite for one."""
    if PROCESSES == 1:
        yield ""
        return
    running = cluster(durable=True)
    try:
        yield running.create_database()
    finally:
        running.stop()


def main() -> int:
    """Serve, measure, stop."""
    with tempfile.TemporaryDirectory() as name, database() as url:
        folder = Path(name)
        environment = {
            "ENLIST_SESSIONS_PER_DEVICE": str(PER_DEVICE),
            "ENLIST_LOG_LEVEL": "warning",
            "ENLIST_MOST_LIVE_ENROLLMENTS": "1000000",
        }
        server = launch_server(folder / "data", url, workers=PROCESSES, environment=environment)
        try:
            key = server.api_key("administrator", "enrollments:reveal")
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(measure(server, key, folder))
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
