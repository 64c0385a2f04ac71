"""SQLite: one process, one writer thread, commits in groups.

Every write is a function shipped to one thread. It takes everything that waits, runs each
function in a savepoint of its own, commits once and answers all: one disk flush serves many
callers, and a function that fails takes nobody with it. Reads run beside it on connections that
cannot write (WAL). Other processes, such as the CLI, may write too; `busy_timeout` queues them.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, TypeVar

from enlist.core.clock import Clock
from enlist.core.faults import Unusable
from enlist.store.tx import (
    Asked,
    Chain,
    ConcurrentChange,
    Query,
    Row,
    SetQuery,
    Statement,
    StoreUnavailable,
    UniqueViolation,
    Unstorable,
)

T = TypeVar("T")
Claim = TypeVar("Claim")
Answer = TypeVar("Answer")

BATCH: Final = 256
MOST_ROWS: Final = 64
"""Rows that one statement takes at once: each number of them is a text to be prepared."""
_PREPARED: Final = 512
_WAL_PAGES: Final = 8_000
"""32 MiB: a busy server writes the same pages again and again before it carries them over."""
_CACHE_KIB: Final = 16_384
"""16 MiB for each connection, of which a process has several. What lies beyond is in the cache of
the system: among a million tokens, 64 and 256 MiB were no faster."""
_BUSY_MS: Final = 10_000


def _nobody(_told: str) -> None:
    """Who hears what is told on a connection that nobody listens to."""


def _connect(path: Path, told: Callable[[str], None]) -> sqlite3.Connection:
    """The first connection to a file, which may be none of SQLite's, or out of reach."""
    try:
        return connect(path, told=told)
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Unusable(
            f"{path} cannot be used: {error}. Move it away, and restore a backup (enlist restore)."
        ) from error


def connect(
    path: Path, *, writable: bool = True, told: Callable[[str], None] = _nobody
) -> sqlite3.Connection:
    """A connection as Enlist uses it: WAL, durable commits, enforced foreign keys.

    Args:
        told: is called with what `announcing` tells on it, before that is committed.
    """
    connection = sqlite3.connect(
        path,
        timeout=_BUSY_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_PREPARED,
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.create_function("enlist_announce", 1, told)
    if not writable:
        connection.execute("PRAGMA query_only=ON")
    return connection


def _rows(cursor: sqlite3.Cursor) -> list[Row]:
    rows = cursor.fetchall()
    if not rows:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in rows]


class SqliteTx:
    """A transaction on a SQLite connection."""

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self._connection = connection
        self.now = now

    def all(self, query: Statement, /, **values: object) -> list[Row]:
        return _rows(self._execute(query.sqlite, values))

    def one(self, query: Statement, /, **values: object) -> Row | None:
        rows = self.all(query, **values)
        return rows[0] if rows else None

    def bare(self, query: Statement, /, **values: object) -> list[tuple[Any, ...]]:
        return self._execute(query.sqlite, values).fetchall()

    def run(self, query: Statement, /, **values: object) -> int:
        return self._execute(query.sqlite, values).rowcount

    def each(
        self, query: SetQuery, rows: Sequence[Mapping[str, object]], /, **common: object
    ) -> list[Row]:
        found: list[Row] = []
        for first in range(0, len(rows), MOST_ROWS):
            some = rows[first : first + MOST_ROWS]
            values = [row[column] for row in some for column in query.columns]
            values += [common[name] for name in query.common]
            found += _rows(self._execute(query.over(len(some)), values))
        return found

    def each_of(self, asked: Sequence[Asked]) -> list[list[Row]]:
        return [self.each(query, rows, **common) for query, rows, common in asked]

    def chain(
        self,
        chain: Chain,
        steps: Sequence[Sequence[Mapping[str, object]]],
        /,
        *,
        only: bool = False,  # noqa: ARG002
        **common: object,
    ) -> list[Row]:
        found = self.each(chain.steps[0], steps[0], **common)
        passed = {row["id"] for row in found}
        for place in range(1, len(steps)):
            rows = [row for row in steps[place] if row[chain.KEY] in passed]
            done = self.each(chain.steps[place], rows, **common)
            if chain.answers(place) and len(done) != len(found):
                raise ConcurrentChange
        return found

    def _execute(self, text: str, values: dict[str, object] | Sequence[object]) -> sqlite3.Cursor:
        try:
            for value in values.values() if isinstance(values, dict) else values:
                if type(value) is str and "\x00" in value:
                    raise Unstorable("a text holds NUL")  # as PostgreSQL says
            return self._connection.execute(text, values)
        except (UnicodeEncodeError, OverflowError) as error:
            raise Unstorable(str(error)) from error
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname in (
                "SQLITE_CONSTRAINT_UNIQUE",
                "SQLITE_CONSTRAINT_PRIMARYKEY",
            ):
                raise UniqueViolation(str(error).rpartition(": ")[2]) from error
            raise
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error


class _Job:
    __slots__ = ("function", "future")

    def __init__(self, function: Callable[[SqliteTx], Any]) -> None:
        self.function = function
        self.future: Future[Any] = Future()


class SqliteStore:
    """The store on one SQLite file."""

    dialect = "sqlite"

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        # Without it a job could be put behind the last one, and its caller would wait for ever.
        self._door = threading.Lock()
        self._told: queue.SimpleQueue[str] | None = None
        self._connection = _connect(path, self._tell)
        self._writer = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self._writer.start()

    def told(self) -> queue.SimpleQueue[str]:
        """What is told on this store from now on (`announcing`), as soon as it is told."""
        self._told = self._told or queue.SimpleQueue()
        return self._told

    def _tell(self, told: str) -> None:
        if self._told is not None:
            self._told.put(told)

    def read(self, function: Callable[[SqliteTx], T], *, by_keys: bool = False) -> T:  # noqa: ARG002
        if self._closed:
            raise StoreUnavailable("the store is closed")
        connection = self._reader()
        try:
            connection.execute("BEGIN")
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error
        try:
            return function(SqliteTx(connection, self._clock()))
        finally:
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("COMMIT")

    def write(self, function: Callable[[SqliteTx], T]) -> T:
        job = _Job(function)
        with self._door:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._jobs.put(job)
        answer: T = job.future.result()
        return answer

    def claim(
        self,
        apply: Callable[[SqliteTx, Sequence[Claim]], Sequence[Answer]],
        claims: Sequence[Claim],
    ) -> Sequence[Answer]:
        return self.write(lambda tx: apply(tx, claims))

    def check(self) -> int:
        self.read(lambda tx: tx.one(_PING))
        return 0

    def close(self) -> None:
        with self._door:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._writer.join()
        self._connection.close()
        with self._readers_lock:
            for connection in self._readers:
                connection.close()

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            try:
                connection = connect(self.path, writable=False)
            except sqlite3.OperationalError as error:
                raise StoreUnavailable(str(error)) from error
            self._local.connection = connection
            with self._readers_lock:
                self._readers.append(connection)
        return connection

    def _work(self) -> None:
        """The writer thread: take what waits, run, commit once, answer."""
        while (job := self._jobs.get()) is not None:
            batch, last = [job], False
            while len(batch) < BATCH and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    last = True
                    break
                batch.append(following)
            self._commit(batch)
            if last:
                return

    def _commit(self, batch: Sequence[_Job]) -> None:
        answers: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            answers = [(job, *self._run(job)) for job in batch]
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            for job in batch:
                job.future.set_exception(StoreUnavailable(str(error)))
            return
        for job, answer, fault in answers:
            if fault is None:
                job.future.set_result(answer)
            else:
                job.future.set_exception(fault)

    def _run(self, job: _Job) -> tuple[Any, BaseException | None]:
        """One function in a savepoint of its own, so that its failure harms nobody else."""
        self._connection.execute("SAVEPOINT job")
        try:
            answer = job.function(SqliteTx(self._connection, self._clock()))
        except Exception as fault:  # noqa: BLE001 - handed to the caller who shipped it
            # A full disk may already have ended the whole transaction; then this raises too
            # and every caller of the batch is told that nothing was written.
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            return None, fault
        self._connection.execute("RELEASE job")
        return answer, None


_PING = Query("sqlite.ping", "SELECT 1 AS answer")
