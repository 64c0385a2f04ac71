"""How fast a wave of 10,000 messages leaves, and what it costs those who redeem meanwhile (P20).

The mail server is aiosmtpd in a process of its own. The messages are queued by one request, as a
wave queues them, and sent by the one delivery worker of the one process. A letter counts when the
server has it; the run is void where one is missing or was sent twice. Redemptions come from 64
connections that pause between two requests, as people do. Alone:

    BENCH_LETTERS=2000 python -m tests.bench.mail
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import smtplib
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.bench import bulk, many, redeem, report
from tests.bench.both import on_both
from tests.peers.base import free_port

LETTERS: Final = int(os.environ.get("BENCH_LETTERS", "10000"))
LEAST: Final = 200.0
"""Letters a second."""
SLOWER: Final = 2.0
"""By how much the p99 of redemptions may grow while a wave is sent."""
TOKENS: Final = 20_000
SECONDS: Final = 6
PAUSE: Final = 400.0
"""Milliseconds between two requests of a connection, on average: some 160 a second in all."""
_BARE: Final = 500
_TEXT: Final = "a line of a letter, as long as others are\r\n" * 200
_WITHIN: Final = 180
"""Seconds until the last letter must be there."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a mail server has taken so far: letters, different ones, and over how many connections.

    Attributes:
        at: when the last came, monotonic seconds.
    """

    letters: int
    different: int
    connections: int
    at: float


class _Taking:
    """Takes every letter; aiosmtpd calls it."""

    def __init__(self) -> None:
        self._ids: Counter[bytes] = Counter()
        self._connections = 0
        self._last = 0.0

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        self._connections += 1
        session.host_name = name
        return answers

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self._ids[content.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]] += 1
        self._last = time.monotonic()
        return "250 OK"

    def so_far(self) -> Taken:
        return Taken(self._ids.total(), len(self._ids), self._connections, self._last)


def _serve(port: int, questions: Connection) -> None:
    """The mail server's process: it says what it has taken whenever it is asked."""
    taking = _Taking()

    def answer() -> None:
        while questions.recv():
            questions.send(taking.so_far())

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(taking, loop=loop), "127.0.0.1", port)
        threading.Thread(target=answer, daemon=True).start()
        await server.serve_forever()

    asyncio.run(serve())


class MailServer:
    """A mail server in a process of its own, which takes everything."""

    def __init__(self) -> None:
        self.port = free_port()
        context = multiprocessing.get_context("spawn")
        self._questions, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self.port, theirs), daemon=True)
        self._process.start()
        self.taken()  # it is there

    def taken(self) -> Taken:
        self._questions.send(True)
        found: Taken = self._questions.recv()
        return found

    def all_of(self, letters: int) -> Taken:
        """What it has taken, once it has as many letters."""
        deadline = time.monotonic() + _WITHIN
        while (found := self.taken()).letters < letters and time.monotonic() < deadline:
            time.sleep(0.1)
        if (found.letters, found.different) != (letters, letters):
            raise RuntimeError(f"void: of {letters} letters it has {found}")
        return found

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()


@contextmanager
def _mail_server() -> Iterator[MailServer]:
    server = MailServer()
    given = {
        "ENLIST_SMTP_HOST": "127.0.0.1",
        "ENLIST_SMTP_PORT": str(server.port),
        "ENLIST_SMTP_SECURITY": "none",
    }
    os.environ |= given
    try:
        yield server
    finally:
        server.stop()
        for name in given:
            del os.environ[name]


def _bare(server: MailServer) -> float:
    """Letters a second that this server takes from a loop that has nothing else to do."""
    with smtplib.SMTP("127.0.0.1", server.port) as client:
        started = time.monotonic()
        for number in range(_BARE):
            letter = f"Message-ID: <bare-{number}@example.com>\r\nSubject: bare\r\n\r\n{_TEXT}"
            client.sendmail("enlist@example.com", "ada@example.com", letter)
        return _BARE / (time.monotonic() - started)


def run(folder: Path, database: str, store: str) -> bool:
    """Measure and print; whether the aims are met."""
    bodies = many.prepare(folder, database, TOKENS, TOKENS)
    key = bulk.prepare(folder, database)
    warm, rest = redeem.parted(bodies, 0.2)
    first, second = redeem.parted(rest, 0.5)
    wave = json.dumps({"rows": [bulk.row(number) for number in range(LETTERS)]}).encode()
    with _mail_server() as server, redeem.served(folder, database, 1) as (url, _):
        redeem.load(url, warm, redeem.WARM, pause=PAUSE)
        before = redeem.load(url, first, SECONDS, pause=PAUSE)
        bulk.ask(url, key, wave)
        meanwhile = redeem.load(url, second, SECONDS, pause=PAUSE)
        among = server.taken()
        alone_since = time.monotonic()
        last = server.all_of(LETTERS)
        bare = _bare(server)
    if any(load.refused or load.failed for load in (before, meanwhile)) or among == last:
        raise RuntimeError(f"void: {before}, {meanwhile}, {among.letters} letters by then")
    rate = (last.letters - among.letters) / (last.at - alone_since)
    slower = meanwhile.p99 / before.p99
    title = (
        f"{store}: {LETTERS:,} letters over {last.connections} connections, {rate:,.0f} a second, "
        f"where a bare loop sends {bare:,.0f}; redeem p99 {before.p99:.1f} ms, and "
        f"{meanwhile.p99:.1f} ms while {among.letters:,} left"
    )
    aims = [
        report.at_least("letters a second, beside 200", rate, LEAST, 1),
        report.at_most("p99 of redemptions meanwhile, beside before", slower, SLOWER),
    ]
    return report.show_aims(title, aims)


if __name__ == "__main__":
    sys.exit(on_both(run))
