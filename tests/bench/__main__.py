"""`make bench`: rates of this machine beside its limits, in one run.

Each product rate stands between two runs of its yardstick (A B A); the ratio is to their mean,
and a run whose yardsticks differ by more than a fifth is marked. Nothing here is a test: figures
go into docs/explanation/performance.md.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from tests.bench import redeem, yardsticks
from tests.bench.bench_signing import main as signing
from tests.peers.postgres import cluster

T = TypeVar("T")
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
TOKENS = int(os.environ.get("BENCH_TOKENS", "30000"))


def main() -> None:
    """Run everything and print one table."""
    table = Table("store", "redeem", "rate/s", "yardstick/s", "ratio", "p50 ms", "p99 ms", "MiB")
    running = cluster(durable=True)
    try:
        for with_csr in (False, True):
            name = "with CSR" if with_csr else "bare"
            on_sqlite = partial(_product, lambda: "", 1, with_csr)
            _add(table, "SQLite", name, partial(_in_folder, yardsticks.sqlite), on_sqlite)
            yardstick = partial(yardsticks.postgres, running, SECONDS)
            on_postgres = partial(_product, running.create_database, 2, with_csr)
            _add(table, "PostgreSQL", name, yardstick, on_postgres)
    finally:
        running.stop()
    console = Console(width=110)
    console.print(f"{os.cpu_count()} cores; {SECONDS} s a run; load on the same cores")
    console.print(table)
    signing(1.0)


def _add(
    table: Table,
    store: str,
    name: str,
    yardstick: Callable[[], float],
    product: Callable[[], redeem.Measured],
) -> None:
    before = yardstick()
    measured = product()
    after = yardstick()
    mean = (before + after) / 2
    shaky = " (yardstick unsteady)" if abs(before - after) > 0.2 * mean else ""
    table.add_row(
        store,
        name,
        f"{measured.rate:,.0f}",
        f"{mean:,.0f}{shaky}",
        f"{measured.rate / mean:.2f}",
        f"{measured.p50:.1f}",
        f"{measured.p99:.1f}",
        f"{measured.memory:.0f}",
    )


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
    main()
