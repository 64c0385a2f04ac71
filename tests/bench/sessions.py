"""Device sessions: memory of each, how soon a reset drops them, and all at once (P06, P07).

    python -m tests.bench.sessions [--sessions 10000]

Every session is of a device of its own. In turn, with a tenth of the sessions and with all: one
process on SQLite and four on PostgreSQL, plain on the web listener (devices sign a challenge); and
one process with TLS on the device listener. A tenth as many devices again are reset one after
another; then the one user whose devices all others are is disabled, which ends them at once. A time
runs from the answer to the request until the device sees its socket closed. Then, three times, all
are opened again, tokens are redeemed while they heartbeat, the devices leave, and tokens are
redeemed without them.

A figure of memory is the growth of the server's resident memory from the first tenth of the
sessions to the last, so that what a server needs anyhow does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import uvloop
from rich.console import Console
from rich.table import Table

from tests.bench import fleet, many, redeem
from tests.bench.fleet import Session
from tests.bench.meanwhile import ROUNDS, TOKENS, Meanwhile, pids
from tests.devices import Credentials
from tests.peers.postgres import cluster
from tests.serving import Server, launch_server

OWNER: Final = "owner"
"""The user whose devices all of them are."""
MANY: Final = 5_000
"""Sessions from which on what a process allocates for each stands out of everything else."""
DROPPED: Final = {4401, 4403}
"""Codes by which a device hears that it may not come back."""


@dataclass(frozen=True, slots=True)
class Way:
    """A server and a listener."""

    processes: int = 1
    tls: bool = False

    @property
    def name(self) -> str:
        listener = "TLS" if self.tls else "plain"
        return (
            f"{listener}, {self.processes} on {'SQLite' if self.processes == 1 else 'PostgreSQL'}"
        )

    @property
    def most_memory(self) -> int:
        """KB that a session may take."""
        return 60 if self.tls else 25

    @property
    def most_waited(self) -> int:
        """Milliseconds that may pass from a reset to the closed socket, p99."""
        return 250 if self.processes == 1 else 500


@dataclass(frozen=True, slots=True)
class Found:
    """KB a session, sessions opened a second, and times in milliseconds.

    Attributes:
        sessions: how many were open.
        resets: from each reset's answer to the closed socket, sorted; 0 where it was closed before.
        all_closed: from the answer to the last closed socket.
    """

    sessions: int
    memory: float
    opened: float
    resets: Sequence[float]
    all_closed: float

    def percentile(self, share: float) -> float:
        return self.resets[int(share * (len(self.resets) - 1))]


async def measure(
    server: Server,
    way: Way,
    held: Sequence[Credentials],
    client: httpx2.AsyncClient,
) -> Found:
    """Connect, reset a tenth as many more one after another, and end all that are left.

    Those that were ended may come back afterwards.
    """
    count = len(held) * 10 // 11
    some, rest, to_reset = held[: count // 10], held[count // 10 : count], held[count:]
    sessions = await fleet.connect(server, some, tls=way.tls)
    await _settle()
    before, began = resident(server), time.perf_counter()
    sessions += await fleet.connect(server, rest, tls=way.tls)
    took = time.perf_counter() - began
    await _settle()
    memory = (resident(server) - before) / 1024 / len(rest)
    resets = await reset_each(server, client, to_reset, tls=way.tls)
    assert not any(each.closed.done() for each in sessions), "others were dropped, too"
    all_closed = await end_all(client, sessions)
    return Found(count, memory, len(rest) / took, sorted(resets), all_closed)


async def _settle() -> None:
    """What was opened last is done with, before memory is looked at."""
    await asyncio.sleep(1)


async def reset_each(
    server: Server, client: httpx2.AsyncClient, held: Sequence[Credentials], *, tls: bool
) -> list[float]:
    """Milliseconds from the answer to a reset until the device's socket is closed."""
    waited: list[float] = []
    for session in await fleet.connect(server, held, tls=tls):
        path = f"/api/v1/devices/{session.credentials.device_id}/reset"
        answer = await client.post(path, json={"reason": "lost", "message": {"type": "none"}})
        answered = time.perf_counter()
        assert answer.status_code < 300, answer.text
        async with asyncio.timeout(fleet.WITHIN):
            waited.append(await _closed_after(session, answered))
    return waited


async def end_all(client: httpx2.AsyncClient, sessions: Sequence[Session]) -> float:
    """Milliseconds from the answer that disables their user until the last socket is closed."""
    answer = await client.post(f"/api/v1/users/{OWNER}/disable")
    answered = time.perf_counter()
    assert answer.status_code == 200, answer.text
    async with asyncio.timeout(fleet.WITHIN):
        longest = max([await _closed_after(each, answered) for each in sessions])
    again = await client.post(f"/api/v1/users/{OWNER}/enable")
    assert again.status_code == 200, again.text
    return longest


async def _closed_after(session: Session, answered: float) -> float:
    closed = await session.closed
    assert session.reason in DROPPED, f"closed by {session.reason}"
    return max(0.0, 1000 * (closed - answered))


def resident(server: Server) -> int:
    """Bytes of resident memory of the processes that serve."""
    pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids(server))
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def serving(processes: int, tokens: int, **environment: str) -> Iterator[tuple[Server, Path, Path]]:
    """A server, the requests for its tokens, and a folder: PostgreSQL for several processes."""
    running = cluster(durable=True) if processes > 1 else None
    database = running.create_database() if running else ""
    try:
        with tempfile.TemporaryDirectory(prefix="enlist-bench-") as name:
            data = Path(name) / "data"
            data.mkdir()
            bodies = many.prepare(data, database, tokens, tokens, user=OWNER)
            quiet = {"ENLIST_LOG_LEVEL": "warning", **environment}
            server = launch_server(data, database, workers=processes, environment=quiet)
            try:
                yield server, bodies, Path(name)
            finally:
                server.stop()
    finally:
        if running:
            running.stop()


async def measure_both(
    server: Server, way: Way, held: Sequence[Credentials], few: int, meanwhile: Meanwhile | None
) -> list[Found]:
    """With the first few devices, and then with all others."""
    key = server.api_key("administrator", "enrollments:reveal")
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(
        base_url=server.url, headers=headers, timeout=fleet.WITHIN
    ) as client:
        first = await measure(server, way, held[:few], client)
        second = await measure(server, way, held[few:], client)
        if meanwhile:
            await redeem_meanwhile(server, held[few:][: second.sessions], client, meanwhile)
    return [first, second]


async def redeem_meanwhile(
    server: Server,
    held: Sequence[Credentials],
    client: httpx2.AsyncClient,
    meanwhile: Meanwhile,
) -> None:
    """Redemptions among open sessions and, each time right after, without any."""
    await _all_written_down(client)
    await meanwhile.warm_up()
    for _ in range(ROUNDS):
        sessions = await fleet.connect(server, held, tls=False)
        await _settle()
        await meanwhile.among()
        for each in sessions:
            each.leave()
        await _all_written_down(client)
        await meanwhile.alone()


async def _all_written_down(client: httpx2.AsyncClient) -> None:
    """Nobody is busy with sessions any more."""
    async with asyncio.timeout(fleet.WITHIN):
        while (await client.get("/api/v1/device-sessions")).json()["items"]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


def run(way: Way, sessions: int) -> tuple[list[Found], Meanwhile | None]:
    """Serve, and measure with a tenth of the sessions and with all."""
    few, lots = (count + count // 10 for count in (sessions // 10, sessions))
    tokens = 0 if way.tls else TOKENS
    with serving(way.processes, few + lots + tokens) as (server, bodies, folder):
        devices, rest = redeem.parted(bodies, (few + lots) / (few + lots + tokens))
        meanwhile = Meanwhile(server, rest) if tokens else None
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            held = runner.run(fleet.enroll(server, devices, folder, few + lots))
            found = runner.run(measure_both(server, way, held, few, meanwhile))
        server.stop()
        if meanwhile:
            meanwhile.check(len(held), sum(len(each.resets) for each in found))
    return found, meanwhile


def show(found: dict[Way, list[Found]]) -> bool:
    """Print what was found; whether every aim is met."""
    table = Table(
        "sessions", "", "KB each", "aim", "opened/s", "reset p50", "p99", "most, ms", "all, ms"
    )
    for way, each in found.items():
        for one in each:
            table.add_row(
                f"{one.sessions:,}",
                way.name,
                f"{one.memory:.1f}",
                str(way.most_memory),
                f"{one.opened:.0f}",
                *(f"{one.percentile(share):.1f}" for share in (0.5, 0.99, 1)),
                f"{one.all_closed:.0f}",
            )
    Console(width=120).print(table)
    return all(meets(way, one) for way, each in found.items() for one in each)


def meets(way: Way, one: Found) -> bool:
    """Whether the aims are met: those of time whatever the number, that of memory with many."""
    return (
        (one.memory <= way.most_memory or one.sessions < MANY)
        and one.percentile(0.99) <= way.most_waited
        and max(one.resets[-1], one.all_closed) <= 1000
    )


def main(sessions: int = 10_000) -> bool:
    """Measure all ways; whether every aim is met."""
    found: dict[Way, list[Found]] = {}
    met = []
    for way in (Way(1), Way(4), Way(1, tls=True)):
        found[way], meanwhile = run(way, sessions)
        if meanwhile:
            met.append(meanwhile.show(way.name, sessions))
    return show(found) and all(met)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=10_000)
    sys.exit(0 if main(parser.parse_args().sessions) else 1)
