"""Redemptions while sessions are open, beside those without any: what heartbeats cost (P06).

The load is that of the other benchmarks, and so is what makes it void.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
from pathlib import Path
from typing import Final

from tests.bench import redeem, report
from tests.bench.redeem import Load
from tests.serving import Server

TOKENS: Final = 140_000
ALONE: Final = 4
"""Seconds of load without sessions, before and after."""
AMONG: Final = 15
"""Seconds of load with them: a heartbeat, which asks the database once and every device."""
_SHARES: Final = (0.1, 0.2, 0.5, 0.2)
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

    async def alone(self) -> None:
        """While there is no session; the first time after a warm-up."""
        if not self._warm:
            self._warm.append(await self._load(redeem.WARM))
        self._alone.append(await self._load(ALONE))

    async def among(self) -> None:
        """While they are open."""
        self._among.append(await self._load(AMONG))

    async def _load(self, seconds: int) -> Load:
        # The devices' side goes on answering, in this thread.
        before = processor_time(self._server)
        load = await asyncio.to_thread(redeem.load, self._server.url, self._parts.pop(0), seconds)
        self._cost[load] = 1e6 * (processor_time(self._server) - before) / load.answered
        return load

    def show(self, title: str, sessions: int) -> bool:
        """Print how much of its rate the server kept; False where that is too little, or nothing
        can be said because the rates without sessions lie too far apart."""
        before, after = (each.rate for each in self._alone)
        among, without = self._among[0].rate, (before + after) / 2
        costs = [f"{self._cost[each]:.0f}" for each in (*self._among, *self._alone)]
        share = report.at_least(
            f"share of the rate without sessions, among {sessions:,}", among, without, 0.9
        )
        told = f"{title}: {among:,.0f} redemptions a second; without {before:,.0f}, {after:,.0f}"
        told += f"; microseconds of the server's processors for each: {', '.join(costs)}"
        if abs(before - after) > report.STEADY * without:
            told += ": void"
            share = dataclasses.replace(share, met=False)
        return report.show_aims(told, [share])

    def check(self, before: int, reset: int) -> None:
        """After the server has stopped, see `redeem.check`."""
        loads = [*self._warm, *self._alone, *self._among]
        data, database = self._server.data, self._server.database
        redeem.check(data, database, loads, with_csr=False, before=before, reset=reset)
