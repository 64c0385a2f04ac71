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
"""Numbers of tokens that are waiting."""
WARM_UP: Final = int(os.environ.get("BENCH_WARM_UP", "60"))
"""Seconds of redemptions among `LOTS` before what is counted. Until then pages are read for the
first time, and PostgreSQL writes each of them whole into its log once."""
MOST_RATE: Final = 6_000
"""Redemptions a second that there are tokens for."""


def run(folder: Path, database: str, store: str, tokens: int, seconds: int) -> bool:
    """Measure half the load and refusals, and print them; whether all aims are met.

    Each load of refusals stands between two of redemptions, and is compared with their mean: what
    the database tidies up behind the first would else be counted against what comes last.
    """
    workers = 2 if database else 1
    rest = many.prepare(folder, database, 3 * tokens, 3 * tokens)
    parts: list[Path] = []
    for share in (0.1, 0.25, 0.33, 0.5):  # each of what is left; the rest is for half the load
        part, rest = redeem.parted(rest, share)
        parts.append(part)
    warm, first, second, third = parts
    trusted = ("--trusted-proxy", "127.0.0.1/32")
    with redeem.served(folder, database, workers, *trusted) as (url, process):
        begun = redeem.load(url, warm, redeem.WARM)
        most = redeem.load(url, first, seconds)
        used = _refused(url, _first(first, most.answered // 2), seconds)
        again = redeem.load(url, second, seconds)
        unknown = _refused(url, _unknown(folder, tokens), seconds)
        last = redeem.load(url, third, seconds)
        mistyped = _refused(url, _mistyped(folder, 4 * tokens), seconds)
        pause = 2 * 64_000 / last.rate - last.p50 / 4
        half = redeem.load(url, rest, seconds, pause=pause)
        memory = redeem.memory_of(process)
    redeem.check(folder, database, [begun, most, again, last, half], with_csr=False)
    rates = [(most.rate + again.rate) / 2, (again.rate + last.rate) / 2, last.rate]
    return report.show_aims(
        f"{store}: {most.rate:,.0f}, {again.rate:,.0f} and {last.rate:,.0f} redemptions a second",
        [
            report.at_most("p99 at the maximum, ms", max(most.p99, again.p99, last.p99), 200),
            report.at_most(f"p50 at {half.rate / last.rate:.0%} of it, ms", half.p50, 10),
            report.at_most("p99 there, ms", half.p99, 50),
            report.at_least("refusals of used tokens, share of the rate", used.rate, rates[0], 0.8),
            report.at_least("refusals: unknown tokens", unknown.rate, rates[1], 0.8),
            report.at_least("refusals: mistyped codes", mistyped.rate, rates[2], 1.0),
            report.at_most("memory of a process afterwards, MiB", memory, 150),
        ],
    )


def rate_among(folder: Path, database: str, tokens: int) -> float:
    """Redemptions a second while `tokens` are waiting, any of which may come next."""
    warm_up, seconds = (1, 1) if tokens <= FEW else (WARM_UP, 3)
    wanted = min(MOST_RATE * (warm_up + seconds), tokens)
    bodies = many.prepare(folder, database, tokens, wanted, shuffled=True)
    first, second = redeem.parted(bodies, warm_up / (warm_up + seconds))
    with redeem.served(folder, database, 2 if database else 1) as (url, _):
        warm = redeem.load(url, first, warm_up)
        seen = redeem.load(url, second, seconds)
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
