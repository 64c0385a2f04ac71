"""What redeeming must stand beside speed: waiting at half the load, refusals, and size.

At half of what a server can do, a request should hardly wait for others (P10). To refuse must not
cost more than to enroll, or strangers could keep devices out (P12). And a token must be found
among a million others as fast as among ten thousand (P04).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from enlist.core.secrets import BASE58, random_letters
from tests.bench import many, redeem, report
from tests.bench.redeem import Load

MISTYPED: Final = "BCDF-GHJK-Z"
"""A code whose last letter does not fit the others."""
FEW: Final = 10_000
LOTS: Final = int(os.environ.get("BENCH_LOTS", "1000000"))
"""Numbers of tokens that are waiting; of either, as many as `FEW` are redeemed at most."""


def run(folder: Path, database: str, store: str, tokens: int, seconds: int) -> bool:
    """Measure half the load and refusals, and print them; whether all aims are met."""
    workers = 2 if database else 1
    bodies = many.prepare(folder, database, 2 * tokens, 2 * tokens)
    early, second = redeem.parted(bodies, 0.6)
    warm, first = redeem.parted(early)
    trusted = ("--trusted-proxy", "127.0.0.1/32")
    with redeem.served(folder, database, workers, *trusted) as (url, process):
        begun = redeem.load(url, warm, redeem.WARM)
        most = redeem.load(url, first, seconds)
        pause = 2 * 64_000 / most.rate - most.p50 / 4
        half = redeem.load(url, second, seconds, pause=pause)
        unknown = _refused(url, _unknown(folder, tokens), seconds)
        mistyped = _refused(url, _mistyped(folder, 4 * tokens), seconds)
        used = _refused(url, _first(first, most.answered // 2), 1)
        memory = redeem.memory_of(process)
    redeem.check(folder, database, [begun, most, half], with_csr=False)
    return report.show_aims(
        f"{store}: {most.rate:,.0f} redemptions a second",
        [
            report.at_most("p99 at the maximum, ms", most.p99, 200),
            report.at_most(f"p50 at {half.rate / most.rate:.0%} of it, ms", half.p50, 10),
            report.at_most("p99 there, ms", half.p99, 50),
            report.at_least(
                "refusals of unknown tokens, share of the rate", unknown.rate, most.rate, 0.8
            ),
            report.at_least("refusals: used tokens", used.rate, most.rate, 0.8),
            report.at_least("refusals: mistyped codes", mistyped.rate, most.rate, 1.0),
            report.at_most("memory of a process afterwards, MiB", memory, 150),
        ],
    )


def rate_among(folder: Path, database: str, tokens: int) -> float:
    """Redemptions a second while `tokens` are waiting, any of which may come next."""
    first, second = redeem.parted(many.prepare(folder, database, tokens, FEW, shuffled=True), 0.5)
    with redeem.served(folder, database, 2 if database else 1) as (url, _):
        warm = redeem.load(url, first, 1)
        seen = redeem.load(url, second, 1)
    redeem.check(folder, database, [warm, seen], with_csr=False)
    return seen.rate


def show_sizes(store: str, among_few: float, among_lots: float) -> bool:
    """Print how much of its rate a server keeps among very many tokens; whether it is enough."""
    kept = report.Aim(
        f"rate among {LOTS:,} tokens, share of that among {FEW:,}",
        f"{among_lots:,.0f} of {among_few:,.0f}: {among_lots / among_few:.2f}",
        "at least 0.9",
        among_lots >= 0.9 * among_few,
    )
    return report.show_aims(f"{store}: size", [kept])


def _refused(url: str, bodies: Path, seconds: int) -> Load:
    """A load of which every request is refused.

    Raises:
        RuntimeError: one was not.
    """
    seen = redeem.load(url, bodies, seconds, strangers=True)
    if seen.failed or seen.refused != seen.answered:
        raise RuntimeError(f"void: not every answer was a refusal: {seen}")
    return seen


def _first(bodies: Path, count: int) -> Path:
    """Requests that were all answered: connections take them in turn, but not evenly.

    wrk tries its script before it begins, and what it is given then is never sent.
    """
    with bodies.open() as lines:
        found = list(islice(lines, 2, count))
    path = bodies.with_name("used.jsonl")
    path.write_text("".join(found * 4))
    return path


def _unknown(folder: Path, count: int) -> Path:
    return _bodies(folder / "unknown.jsonl", (random_letters(10, BASE58) for _ in range(count)))


def _mistyped(folder: Path, count: int) -> Path:
    return _bodies(folder / "mistyped.jsonl", (MISTYPED for _ in range(count)))


def _bodies(path: Path, tokens: Iterable[str]) -> Path:
    lines = (json.dumps({"token": token, "device": {"platform": "linux"}}) for token in tokens)
    path.write_text("\n".join(lines) + "\n")
    return path
