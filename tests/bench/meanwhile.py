"""Redemptions while sessions are open, beside those without any: what heartbeats cost (P06)."""

from __future__ import annotations

import asyncio
import os
import statistics
from pathlib import Path
from typing import Final

from tests.bench import redeem, report
from tests.bench.redeem import Load
from tests.serving import Server

ROUNDS: Final = 3
"""Each is a load among sessions, and one right after they have gone: the machine's own speed
changes within minutes."""
SECONDS: Final = 6
TOKENS: Final = 200_000
_SHARES: Final = (0.1, *(0.15 for _ in range(2 * ROUNDS)))
"""Of the tokens for each load; the first warms up."""


def pids(server: Server) -> list[int]:
    """The processes that serve."""
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(each) for each in children] or [parent]


def processor_time(server: Server) -> float:
    """Seconds that they have used."""
    ticks = 0
    for pid in pids(server):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Meanwhile:
    """Loads of one server, in turn.

    Args:
        bodies: requests with `TOKENS` tokens.
    """

    def __init__(self, server: Server, bodies: Path) -> None:
        self._server = server
        self._parts: list[Path] = []
        left, rest = 1.0, bodies
        for share in _SHARES:
            part, rest = redeem.parted(rest, share / left)
            self._parts.append(part)
            left -= share
        self._alone: list[Load] = []
        self._among: list[Load] = []
        self._warm: list[Load] = []
        self._cost: dict[Load, float] = {}

    async def warm_up(self) -> None:
        """Once, before the others."""
        self._warm.append(await self._load(redeem.WARM))

    async def among(self) -> None:
        """While sessions are open."""
        self._among.append(await self._load(SECONDS))

    async def alone(self) -> None:
        """Right after they have gone."""
        self._alone.append(await self._load(SECONDS))

    async def _load(self, seconds: int) -> Load:
        # The devices' side goes on answering, in this thread.
        before = processor_time(self._server)
        load = await asyncio.to_thread(redeem.load, self._server.url, self._parts.pop(0), seconds)
        self._cost[load] = 1e6 * (processor_time(self._server) - before) / load.answered
        return load

    def show(self, title: str, sessions: int) -> bool:
        """Print how much of its rate the server kept; whether that is enough."""
        pairs = list(zip(self._among, self._alone, strict=True))
        told = ", ".join(
            f"{among.rate:,.0f} of {alone.rate:,.0f} "
            f"({self._cost[among]:.0f} and {self._cost[alone]:.0f} µs of processors)"
            for among, alone in pairs
        )
        share = report.at_least(
            f"median share of the rate without sessions, among {sessions:,}",
            statistics.median(among.rate / alone.rate for among, alone in pairs),
            1.0,
            0.9,
        )
        return report.show_aims(f"{title}: redemptions a second {told}", [share])

    def check(self, before: int, reset: int) -> None:
        """After the server has stopped, see `redeem.check`."""
        loads = [*self._warm, *self._alone, *self._among]
        data, database = self._server.data, self._server.database
        redeem.check(data, database, loads, with_csr=False, before=before, reset=reset)
