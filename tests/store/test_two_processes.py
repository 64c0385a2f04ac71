"""A command beside a running server: both write, one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial

from enlist.store.sqlite import SqliteStore
from enlist.store.tx import Query, Tx
from tests.installation import Enlist
from tests.peers.base import DEADLINE

PUT = Query(
    "test.beside",
    "INSERT INTO throttle (source, window_ends_at, refused) VALUES (:source, 1, 1)",
)


def put(tx: Tx, source: str) -> int:
    return tx.run(PUT, source=source)


BESIDE = """
import sys
from pathlib import Path
from enlist.core.clock import system_clock
from enlist.store.tx import Query

PUT = Query("x", "INSERT INTO throttle (source, window_ends_at, refused) VALUES (:s, 1, 1)")
where = sys.argv[1]
if where.startswith("postgresql"):
    from enlist.store.postgres import PostgresStore
    store = PostgresStore(where, system_clock)
else:
    from enlist.store.sqlite import SqliteStore
    store = SqliteStore(Path(where), system_clock)
print("ready", flush=True)
for number in range(20):
    store.write(lambda tx: tx.run(PUT, s=f"beside {number}"))
print("done", flush=True)
store.close()
"""


def test_another_process_writes_beside_this_one(enlist: Enlist) -> None:
    """Ruling 18: it waits while this one is writing, then both are there."""
    where = enlist.settings.database or str(enlist.settings.sqlite_path)
    process = subprocess.Popen(
        [sys.executable, "-c", BESIDE, where],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    try:
        held = threading.Event()

        def hold(tx: Tx) -> None:
            """Keep the write lock until the other process has certainly come to it."""
            tx.run(PUT, source="held")
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            held.set()

        enlist.store.write(hold)
        assert held.is_set()
        for number in range(20):
            enlist.store.write(partial(put, source=f"here {number}"))
        assert process.stdout.readline() == "done\n"
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    found = {row["source"] for row in enlist.rows("throttle")}
    assert found == {"held"} | {f"{who} {n}" for who in ("here", "beside") for n in range(20)}


def test_this_process_sees_what_another_wrote(enlist: Enlist) -> None:
    """Ruling 18: the next read does, without being told."""
    other = enlist.again()
    assert enlist.rows("throttle") == []
    other.store.write(lambda tx: tx.run(PUT, source="theirs"))
    assert [row["source"] for row in enlist.rows("throttle")] == ["theirs"]


def test_a_reader_is_never_kept_waiting(enlist: Enlist) -> None:
    """While somebody writes, everybody reads what was committed last."""
    seen: list[int] = []

    def writing(tx: Tx) -> None:
        tx.run(PUT, source="pending")
        reader = threading.Thread(target=lambda: seen.append(len(enlist.rows("throttle"))))
        reader.start()
        reader.join(DEADLINE)

    enlist.store.write(writing)
    assert seen == [0]
    assert len(enlist.rows("throttle")) == 1


def test_the_file_is_kept_as_a_server_keeps_it(enlist: Enlist) -> None:
    """S16: write-ahead log, and every commit on the disk before it is told."""
    if not isinstance(enlist.store, SqliteStore):
        return
    pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    for name, value in pragmas.items():
        (row,) = enlist.store._connection.execute(f"PRAGMA {name}").fetchall()
        assert row[0] == value
