"""What a bench run found, on what machine; and the last accepted run beside it."""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.peers.postgres import Cluster

ACCEPTED: Final = Path(__file__).with_name("accepted.json")
STEADY: Final = 0.2
"""By how much of their mean the two yardsticks of a round may differ."""
FALL: Final = 0.15
"""By how much a ratio may fall below the accepted one."""


@dataclass(frozen=True, slots=True)
class Round:
    """One A B A: yardstick, product, yardstick. Rates per second, times in milliseconds."""

    before: float
    rate: float
    after: float
    p50: float
    p99: float
    memory: float

    @property
    def yardstick(self) -> float:
        return (self.before + self.after) / 2

    @property
    def ratio(self) -> float:
        return self.rate / self.yardstick

    @property
    def steady(self) -> bool:
        return abs(self.before - self.after) <= STEADY * self.yardstick


@dataclass(frozen=True, slots=True)
class Line:
    """All rounds of one measurement; void rounds are kept, and not counted."""

    name: str
    rounds: Sequence[Round]

    @property
    def counted(self) -> list[Round]:
        return [one for one in self.rounds if one.steady]

    def median(self, value: str) -> float | None:
        """The median over the steady rounds; None where no round was steady."""
        found = [float(getattr(one, value)) for one in self.counted]
        return statistics.median(found) if found else None

    def as_json(self) -> dict[str, Any]:
        medians = {name: self.median(name) for name in ("rate", "yardstick", "ratio")}
        return {"median": medians, "rounds": [asdict(one) for one in self.rounds]}


def machine(cluster: Cluster) -> dict[str, str | int]:
    """What the figures depend on."""
    return {
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
        "cores": os.cpu_count() or 0,
        "processor": _processor(),
        "kernel": platform.release(),
        "fdatasync_per_second": _flushes(cluster),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": cluster.version,
    }


def show(lines: Sequence[Line], found_on: dict[str, str | int]) -> None:
    """Print the medians beside those of the last accepted run."""
    accepted = json.loads(ACCEPTED.read_text())["lines"] if ACCEPTED.exists() else {}
    table = Table("redeem", "rate/s", "yardstick/s", "ratio", "accepted", "p50", "p99 ms", "MiB")
    for line in lines:
        last = accepted.get(line.name, {}).get("median", {}).get("ratio")
        cells = [line.median(name) for name in ("rate", "yardstick", "ratio")]
        more = [line.median(name) for name in ("p50", "p99", "memory")]
        table.add_row(
            f"{line.name} ({len(line.counted)} of {len(line.rounds)} rounds steady)",
            *(_figure(value) for value in (*cells, last, *more)),
        )
    console = Console(width=120)
    console.print(", ".join(f"{name} {value}" for name, value in found_on.items()))
    console.print("The load runs on the same cores; medians of the steady rounds.")
    console.print(table)


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure, what it should be, and whether it is."""

    name: str
    found: str
    aim: str
    met: bool


def at_most(name: str, found: float, most: float) -> Aim:
    """A figure that must not be larger."""
    return Aim(name, f"{found:.1f}", f"at most {most}", found <= most)


def at_least(name: str, rate: float, of: float, least: float) -> Aim:
    """A rate that must be at least this share of another."""
    return Aim(name, f"{rate / of:.2f}", f"at least {least}", rate >= least * of)


def show_aims(title: str, aims: Sequence[Aim]) -> bool:
    """Print them; whether all are met."""
    table = Table("figure", "found", "aim", "", title=title, title_justify="left")
    for aim in aims:
        table.add_row(aim.name, aim.found, aim.aim, "met" if aim.met else "NOT MET")
    Console(width=120).print(table)
    return all(aim.met for aim in aims)


def fallen(lines: Sequence[Line]) -> list[str]:
    """What became slower than it was accepted to be (P28).

    A ratio has fallen where it is more than 15 % below the accepted median, and below all of the
    rounds that the median was taken of.
    """
    accepted = json.loads(ACCEPTED.read_text())["lines"] if ACCEPTED.exists() else {}
    found = []
    for line in lines:
        ratio, before = line.median("ratio"), accepted.get(line.name)
        if ratio is None or before is None:
            continue
        worst = min(Round(**one).ratio for one in before["rounds"])
        if ratio < min(worst, (1 - FALL) * before["median"]["ratio"]):
            found.append(f"{line.name} fell from {before['median']['ratio']:.2f} to {ratio:.2f}")
    return found


def keep(
    lines: Sequence[Line], found_on: dict[str, str | int], path: Path, reason: str = ""
) -> None:
    """Write every round down, and why they are accepted."""
    found: dict[str, Any] = {"machine": found_on}
    if reason not in ("", "1"):
        found["reason"] = reason
    found["lines"] = {line.name: line.as_json() for line in lines}
    path.write_text(json.dumps(found, indent=1) + "\n")


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _flushes(cluster: Cluster, seconds: float = 1.0) -> int:
    """How often a second the disk under the databases makes a page durable."""
    path = cluster.folder / "flushes"
    page, done = bytes(8192), 0
    with path.open("wb", buffering=0) as file:
        started = time.perf_counter()
        while (took := time.perf_counter() - started) < seconds:
            file.seek(0)
            file.write(page)
            os.fdatasync(file.fileno())
            done += 1
    path.unlink()
    return round(done / took)


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
