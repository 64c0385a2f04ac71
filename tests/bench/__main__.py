"""`make bench`: rates of this machine beside its limits, in one run.

Each product rate stands between two runs of its yardstick (A B A); the ratio is to their mean, and
a round whose yardsticks differ by more than a fifth is void. What comes out is the median of the
rounds that are left, beside that of the last accepted run. Nothing here is a test: the figures go
into docs/explanation/performance.md. From the environment: BENCH_ROUNDS, BENCH_SECONDS,
BENCH_TOKENS, BENCH_SAMPLES; BENCH_ACCEPT=1 makes this run the accepted one.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.bench import lists, redeem, report, strangers, yardsticks
from tests.bench.bench_signing import main as signing
from tests.bench.report import Line, Round
from tests.peers.postgres import Cluster, cluster

T = TypeVar("T")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
TOKENS = int(os.environ.get("BENCH_TOKENS", "15000"))
RESULT = Path("bench-result.json")


def main() -> int:
    """Run everything, print one table, keep every round; 1 where a line has no steady round.

    Also 1 where the time of an answer tells a stranger what was wrong, or a list is slow.
    """
    running = cluster(durable=True)
    try:
        found_on = report.machine(running)
        lines = [
            Line(f"{store}, {name}", [_round(*pair) for _ in range(ROUNDS)])
            for with_csr, name in ((False, "bare"), (True, "with CSR"))
            for store, pair in _pairs(running, with_csr=with_csr).items()
        ]
        kept = [
            _in_folder(partial(measure, database=make(), store=store))
            for measure in (strangers.run, lists.run)
            for store, make in (("SQLite", str), ("PostgreSQL", running.create_database))
        ]
    finally:
        running.stop()
    report.show(lines, found_on)
    report.keep(lines, found_on, RESULT)
    if os.environ.get("BENCH_ACCEPT"):
        report.keep(lines, found_on, report.ACCEPTED)
    signing(1.0)
    return 0 if all(line.counted for line in lines) and all(kept) else 1


Pair = tuple[Callable[[], float], Callable[[], redeem.Measured]]


def _pairs(running: Cluster, *, with_csr: bool) -> dict[str, Pair]:
    """Yardstick and product on each store."""
    return {
        "SQLite": (
            partial(_in_folder, yardsticks.sqlite),
            partial(_product, lambda: "", 1, with_csr),
        ),
        "PostgreSQL": (
            partial(yardsticks.postgres, running, SECONDS),
            partial(_product, running.create_database, 2, with_csr),
        ),
    }


def _round(yardstick: Callable[[], float], product: Callable[[], redeem.Measured]) -> Round:
    before = yardstick()
    found = product()
    one = Round(before, found.rate, yardstick(), found.p50, found.p99, found.memory)
    print(f"{one.rate:,.0f} of {one.yardstick:,.0f} a second: {one.ratio:.2f}", file=sys.stderr)
    return one


def _product(make: Callable[[], str], workers: int, with_csr: bool) -> redeem.Measured:
    database = make()

    def run(folder: Path) -> redeem.Measured:
        bodies = redeem.prepare(folder, database, TOKENS, with_csr=with_csr)
        return redeem.measure(folder, database, bodies, SECONDS, workers, with_csr=with_csr)

    return _in_folder(run)


def _in_folder(work: Callable[[Path], T]) -> T:
    with tempfile.TemporaryDirectory(prefix="enlist-bench-") as folder:
        return work(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
