"""What the sealed log costs: verifying (K12), proofs and checkpoints (P16), and its lag (P15).

    python -m tests.bench.sealed_log

The events that are verified are real ones, written and sealed by the product. The log that proofs
are made from has leaves of random bytes: a proof reads no events. From the environment:
BENCH_EVENTS, BENCH_LEAVES, BENCH_SECONDS, BENCH_TOKENS; 0 leaves a part out.
"""

from __future__ import annotations

import os
import resource
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from enlist.core import merkle
from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import SECOND, system_clock
from enlist.core.events import Happening
from enlist.core.ids import Id, least_id, new_id
from enlist.core.merkle import Frontier, Hash
from enlist.core.outcomes import Subjects
from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.store import events, organizations, seals
from enlist.store.seals import TILE_LEVELS, StoredSubtrees, Subtree
from enlist.store.tx import Query, Tx
from enlist.verbs.sealing import Sealer
from enlist.verbs.setup import Administrator, Beginning
from enlist.wiring.installation import Installation, open_installation, open_store
from tests.bench import many, redeem
from tests.peers.postgres import cluster

EVENTS: Final = int(os.environ.get("BENCH_EVENTS", "1000000"))
LEAVES: Final = int(os.environ.get("BENCH_LEAVES", "10000000"))
SECONDS: Final = int(os.environ.get("BENCH_SECONDS", "20"))
TOKENS: Final = int(os.environ.get("BENCH_TOKENS", str(6_000 * (SECONDS + 2))))
BATCH: Final = 4_000
PROOFS: Final = 1_000
SIGNED: Final = 100
out = Console(highlight=False, soft_wrap=True)

_OLDEST = Query(
    "bench.oldest_unsealed",
    """
    SELECT min(e.at) AS at FROM event e
     WHERE e.id >= :since AND NOT EXISTS (SELECT 1 FROM event_seal s WHERE s.event_id = e.id)
    """,
)


def main() -> None:
    """Measure on both stores, one line for each figure."""
    running = cluster(durable=True)
    try:
        for store, make in (("SQLite", str), ("PostgreSQL", running.create_database)):
            for part, wanted in ((verifying, EVENTS), (proofs, LEAVES), (lag, SECONDS)):
                if wanted:
                    with tempfile.TemporaryDirectory(prefix="enlist-bench-") as folder:
                        part(Path(folder), make(), store)
    finally:
        running.stop()


# --- verifying ----------------------------------------------------------------------------------


def verifying(folder: Path, database: str, store: str) -> None:
    """Time of the command, from its start to its end."""
    with installed(folder, database) as installation:
        fill(installation, EVENTS)
    flags = ["--data", str(folder), *(["--database", database] if database else [])]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "enlist", "audit", "verify", *flags],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    out.print(f"{store}, verifying {EVENTS:,} events: {took:.1f} s, {busy:.1f} s of processors")


def fill(installation: Installation, count: int) -> None:
    """Write and seal events like those of redemptions."""
    root = installation.store.read(organizations.root)
    assert root is not None
    caller = Caller(CallerKind.STRANGER, address="203.0.113.7", user_agent="enlist-agent/0.1")
    sealer = Sealer(installation.store, batch=BATCH)

    def write(tx: Tx) -> int:
        happened = [_happening(root.id, number, tx.now) for number in range(BATCH)]
        return len(events.record_each(tx, [(caller, each) for each in happened]))

    for _ in range(0, count, BATCH):
        installation.store.write(write)
        sealer.seal_all()
        installation.log.sign()


def _happening(root: Id, number: int, now: int) -> Happening:
    about = Subjects(root, new_id(now), new_id(now), new_id(now))
    data: dict[str, str | int | bool | None] = {
        "grant": "registration_token",
        "platform": "linux",
    }
    personal = {"device": f"laptop {number}", "user": f"user{number}@example.com"}
    return Happening("enrollment.redeemed", about, data, personal)


# --- proofs and checkpoints ---------------------------------------------------------------------


def proofs(folder: Path, database: str, store: str) -> None:
    """Each reads what it needs anew."""
    with installed(folder, database) as installation:
        log = Grown(installation)
        while log.size < LEAVES:
            log.grow(50_000)
        name = f"{store}, {log.size:,} leaves"
        timed(f"{name}, inclusion proof", PROOFS, log.prove_event)
        timed(f"{name}, consistency proof", PROOFS, log.prove_growth)
        timed(f"{name}, checkpoint", SIGNED, installation.log.sign, before=partial(log.grow, 100))


class Grown:
    """A log of events that are not there, and its tree."""

    def __init__(self, installation: Installation) -> None:
        self.store = installation.store
        self._full: list[Subtree] = []
        self._tree = Frontier(on_full=self._keep)

    @property
    def size(self) -> int:
        return self._tree.size

    def grow(self, count: int) -> None:
        """Seal so many more."""
        first, placed = self.size, [(new_id(system_clock()), os.urandom(32)) for _ in range(count)]
        self._full.clear()
        self._tree.extend([leaf for _, leaf in placed])
        if not self.store.write(lambda tx: seals.append(tx, first, placed, self._full)):
            raise RuntimeError("somebody else seals")

    def prove_event(self) -> None:
        """Of any number."""
        index = secrets.randbelow(self.size)
        self.store.read(lambda tx: merkle.inclusion_proof(index, self.size, StoredSubtrees(tx)))

    def prove_growth(self) -> None:
        """Since any size."""
        old = 1 + secrets.randbelow(self.size)
        self.store.read(lambda tx: merkle.consistency_proof(old, self.size, StoredSubtrees(tx)))

    def _keep(self, level: int, position: int, nodes: Sequence[Hash]) -> None:
        if level % TILE_LEVELS == 0:
            self._full.extend(Subtree(level, at, node) for at, node in enumerate(nodes, position))


def timed(
    name: str, times: int, work: Callable[[], object], *, before: Callable[[], None] | None = None
) -> None:
    """Run it so often; print the median and the slowest of a hundred, in milliseconds."""
    found: list[tuple[float, float]] = []
    for _ in range(times):
        if before is not None:
            before()
        began, busy = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - began, time.process_time() - busy))
    walls, busies = (sorted(column) for column in zip(*found, strict=True))
    figures = [1e3 * column[times * part // 100] for column in (walls, busies) for part in (50, 99)]
    out.print(
        "{}: {:.2f} ms, p99 {:.2f}; of this process's processor {:.2f} ms, p99 {:.2f}".format(
            name, *figures
        )
    )


# --- lag ----------------------------------------------------------------------------------------


def lag(folder: Path, database: str, store: str) -> None:
    """How old the oldest event without a place was, ten times a second, while devices redeem."""
    bodies = many.prepare(folder, database, TOKENS, TOKENS)
    beside = open_store(Settings(data=folder, database=database), system_clock)
    Sealer(beside, batch=BATCH).seal_all()  # what issuing left is not the load's
    over, ages = threading.Event(), list[float]()

    def sample() -> None:
        while not over.wait(0.1):
            since = least_id(system_clock() - 10 * SECOND)
            row = beside.read(lambda tx, since=since: tx.one(_OLDEST, since=since))  # type: ignore[misc]
            oldest = None if row is None else row["at"]
            ages.append(0.0 if oldest is None else (system_clock() - oldest) / SECOND)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        workers = 2 if database else 1
        found = redeem.measure(folder, database, bodies, SECONDS, workers, with_csr=False)
        rate = f"{found.rate:,.0f} redemptions a second"
    except RuntimeError as error:  # the sealer's work was the same
        rate = f"load without a rate ({str(error).splitlines()[0]})"
    finally:
        over.set()
        sampler.join()
        beside.close()
    ages.sort()
    late = sum(age > 1 for age in ages)
    out.print(
        f"{store}, {rate}: the oldest unsealed event was "
        f"{ages[len(ages) // 2]:.2f} s old, at most {ages[-1]:.2f}; older than a second in "
        f"{late} of {len(ages)} samples"
    )


@contextmanager
def installed(folder: Path, database: str) -> Iterator[Installation]:
    """A new installation."""
    administrator = Administrator("bench@example.com", Secret("a password for the bench"))
    settings = Settings(data=folder, database=database)
    installation = open_installation(settings, beginning=Beginning(administrator=administrator))
    try:
        yield installation
    finally:
        installation.close()


if __name__ == "__main__":
    main()
