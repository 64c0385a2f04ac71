"""`make bench`: rates of this machine beside its limits, in one run.

Each product rate stands between two runs of its yardstick (A B A); the ratio is to their mean, and
a round whose yardsticks differ by more than a fifth is void. What comes out is the median of the
rounds that are left, beside that of the last accepted run. Nothing here is a test: the figures go
into docs/explanation/performance.md. From the environment: BENCH_ROUNDS, BENCH_SECONDS,
BENCH_TOKENS, BENCH_LOTS, BENCH_SAMPLES, BENCH_SESSIONS, BENCH_REGISTRATIONS, BENCH_LETTERS,
BENCH_LISTS;
BENCH_ACCEPT=1 makes this run the accepted one, and where a ratio fell it wants the reason instead
of the 1.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.bench import (
    bulk,
    jwt_strangers,
    lists,
    mail,
    many,
    ott,
    redeem,
    registrations,
    report,
    sessions,
    strain,
    strangers,
    yardsticks,
)
from tests.bench.report import Line, Round
from tests.bench.signing import main as signing
from tests.peers.postgres import Cluster, cluster

T = TypeVar("T")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
TOKENS = int(os.environ.get("BENCH_TOKENS", "60000"))
SESSIONS = int(os.environ.get("BENCH_SESSIONS", "1000"))
RESULT = Path("bench-result.json")
LISTS_AND_BULK = (lists.run, registrations.run, bulk.run, mail.run)


def main() -> int:
    """Run everything, print it, keep every round; 1 where a line has no steady round.

    Also 1 where a ratio fell (P28), an aim is missed, the time of an answer tells a stranger what
    was wrong, or a list is slow.
    """
    running = cluster(durable=True)
    try:
        found_on = report.machine(running)
        lines = [
            Line(f"{store}, {name}", [_round(*pair) for _ in range(ROUNDS)])
            for with_csr, name in ((False, "bare"), (True, "with CSR"))
            for store, pair in _pairs(running, with_csr=with_csr).items()
        ]
        stores = (("SQLite", str), ("PostgreSQL", running.create_database))
        straining = partial(strain.run, tokens=TOKENS, seconds=SECONDS)
        by_jwt = partial(ott.run, tokens=TOKENS // 2, seconds=SECONDS)
        kept = [
            _in_folder(partial(measure, database=make(), store=store))
            for measure in (straining, by_jwt, strangers.run, jwt_strangers.run, *LISTS_AND_BULK)
            for store, make in stores
        ]
        for store, make in stores:
            few, lots = (
                _in_folder(partial(strain.rate_among, database=make(), tokens=tokens))
                for tokens in (strain.FEW, strain.LOTS)
            )
            kept.append(strain.show_sizes(store, few, lots))
        kept.append(sessions.main(SESSIONS))
    finally:
        running.stop()
    report.show(lines, found_on)
    report.keep(lines, found_on, RESULT)
    fallen, reason = report.fallen(lines), os.environ.get("BENCH_ACCEPT", "")
    if reason and (reason != "1" or not fallen):
        report.keep(lines, found_on, report.ACCEPTED, reason)
        fallen = []
    for line in fallen:
        print(f"{line}. If that must be: BENCH_ACCEPT='the reason'", file=sys.stderr)
    signing(1.0)
    return 0 if all(line.counted for line in lines) and all(kept) and not fallen else 1


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
    csr = redeem.certificate_request() if with_csr else None

    def run(folder: Path) -> redeem.Measured:
        bodies = many.prepare(folder, database, TOKENS, TOKENS, csr)
        return redeem.measure(folder, database, bodies, SECONDS, workers, with_csr=with_csr)

    return _in_folder(run)


def _in_folder(work: Callable[[Path], T]) -> T:
    with tempfile.TemporaryDirectory(prefix="enlist-bench-") as folder:
        return work(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
