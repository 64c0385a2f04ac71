"""A database looked at from beside the server, without changing anything about it.

The stores themselves make a database as Enlist wants it when they open it: a file, a journal.
Whoever wants to know how it is must not do that; he reads, by one connection.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from enlist.core.clock import SECOND, Clock
from enlist.core.ids import least_id
from enlist.store.sqlite import SqliteTx
from enlist.store.tx import Query, Reader, StoreUnavailable

T = TypeVar("T")
_PATIENCE: Final = 5
"""Seconds to wait for a connection."""

_CLOCK = Query(
    "inspection.clock",
    "SELECT 0 AS now",  # the same machine's: there is no second clock
    postgres="SELECT extract(epoch FROM clock_timestamp()) AS now",
)
_OPTIONS = Query(
    "inspection.options",
    "SELECT 'journal_mode' AS name, journal_mode AS setting FROM pragma_journal_mode",
    postgres="""
    SELECT name, setting FROM pg_settings
     WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'server_version',
                    'max_connections', 'superuser_reserved_connections')
    """,
)
_LIMITS = Query(
    "inspection.limits",
    "SELECT -1 AS of_role, -1 AS of_database, 0 AS others",
    postgres="""
    SELECT (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS of_role,
           (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS of_database,
           (SELECT count(*) FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND datname <> current_database()) AS others
    """,
)
_WAITING = Query(
    "inspection.waiting",
    """
    SELECT count(*) AS found, COALESCE(min(m.queued_at), 0) AS since, max(m.reason) AS reason
      FROM message m
     WHERE m.state IN ('queued', 'sending') AND m.queued_at <= :before
    """,
)
_FAILED = Query(
    "inspection.failed",
    """
    SELECT count(*) AS found, max(m.reason) AS reason
      FROM message m WHERE m.state = 'failed' AND m.queued_at > :since
    """,
)
_ZONES = Query(
    "inspection.zones",
    """
    SELECT time_zone FROM organization WHERE deleted_at IS NULL
     UNION SELECT time_zone FROM app_user WHERE deleted_at IS NULL
    """,
)
_UNSEALED = Query(
    "inspection.unsealed",
    """
    SELECT e.at FROM event e
     WHERE e.id >= :since_id AND e.id < :before_id
       AND NOT EXISTS (SELECT 1 FROM event_seal s WHERE s.event_id = e.id)
     ORDER BY e.id LIMIT 1
    """,
)
_BACKED_UP = Query(
    "inspection.backed_up",
    """
    SELECT e.at, e.entry FROM event e
     WHERE e.organization_id = (SELECT id FROM organization WHERE parent_id IS NULL LIMIT 1)
       AND e.kind = 'installation.backed_up'
     ORDER BY e.id DESC LIMIT 1
    """,
)


class Inspection:
    """One connection that only reads. Threads may share it; they wait for each other."""

    def __init__(
        self,
        dialect: str,
        transaction: Callable[[], AbstractContextManager[Reader]],
        close: Callable[[], None],
        faults: type[Exception],
    ) -> None:
        self.dialect = dialect
        self.close = close
        self._transaction = transaction
        self._faults = faults
        self._lock = threading.Lock()

    def read(self, function: Callable[[Reader], T]) -> T:
        """Run `function` over the database.

        Raises:
            StoreUnavailable: it does not answer, or not this question.
        """
        with self._lock:
            try:
                with self._transaction() as tx:
                    return function(tx)
            except self._faults as error:
                raise StoreUnavailable(_one_line(error)) from error


def inspect_sqlite(path: Path, clock: Clock) -> Inspection:
    """Look at a SQLite file that is there.

    Raises:
        StoreUnavailable: it cannot be opened, or is no database.
    """
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro",
            uri=True,
            timeout=_PATIENCE,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error

    @contextlib.contextmanager
    def transaction() -> Iterator[SqliteTx]:
        yield SqliteTx(connection, clock())

    return Inspection("sqlite", transaction, connection.close, sqlite3.Error)


def inspect_postgres(url: str, clock: Clock) -> Inspection:
    """Look at a PostgreSQL database.

    Raises:
        StoreUnavailable: it cannot be reached, or refuses us.
    """
    import psycopg
    from psycopg.rows import dict_row

    from enlist.store.addresses import check_address
    from enlist.store.postgres import PostgresTx, configure

    check_address(url)
    try:
        # No startup options and nothing set for longer than a transaction: a pool in between
        # refuses the first, and would hand the second to its next client.
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=_PATIENCE,
            prepare_threshold=None,
            row_factory=dict_row,
        )
    except (psycopg.Error, UnicodeError) as error:
        raise StoreUnavailable(_one_line(error)) from error
    configure(connection)

    @contextlib.contextmanager
    def transaction() -> Iterator[PostgresTx]:
        with connection.transaction():
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute("SET LOCAL statement_timeout = '10s'")
            yield PostgresTx(connection, clock())

    return Inspection("postgres", transaction, connection.close, psycopg.Error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def skew(tx: Reader, clock: Clock) -> int:
    """How far the database's clock is ahead of ours, in microseconds (X08)."""
    row = tx.one(_CLOCK)
    found = int(row["now"] * SECOND) if row else 0
    return found - clock() if found else 0


def options(tx: Reader) -> dict[str, str]:
    """How the database is set, by its own names."""
    return {row["name"]: str(row["setting"]) for row in tx.all(_OPTIONS)}


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections a role and a database may have (-1: any), and how many others hold."""

    of_role: int
    of_database: int
    others: int


def connection_limits(tx: Reader) -> ConnectionLimits:
    """What bounds our connections, besides the server's own limit."""
    row = tx.one(_LIMITS) or {}
    return ConnectionLimits(
        int(row.get("of_role", -1)), int(row.get("of_database", -1)), int(row.get("others", 0))
    )


@dataclass(frozen=True, slots=True)
class Unsent:
    """Messages that did not go out: how many, since when (0: unknown), and why one of them."""

    count: int
    since: int
    reason: str


def waiting(tx: Reader, before: int) -> Unsent:
    """Messages that were queued before that moment and wait still."""
    row = tx.one(_WAITING, before=before) or {}
    return Unsent(int(row.get("found", 0)), int(row.get("since", 0)), row.get("reason") or "")


def failed(tx: Reader, since: int) -> Unsent:
    """Messages queued since that moment that were given up."""
    row = tx.one(_FAILED, since=since) or {}
    return Unsent(int(row.get("found", 0)), since, row.get("reason") or "")


def time_zones(tx: Reader) -> set[str]:
    """Every time zone that somebody has set."""
    return {row["time_zone"] for row in tx.all(_ZONES) if row["time_zone"]}


def unsealed(tx: Reader, since: int, before: int) -> int | None:
    """When the oldest event of that time happened that is not sealed; None where all are."""
    row = tx.one(_UNSEALED, since_id=least_id(since), before_id=least_id(before))
    return None if row is None else int(row["at"])


def last_backup(tx: Reader) -> tuple[int, frozenset[str]] | None:
    """When the last backup was made, and the ids of the keys in it; None if none was."""
    row = tx.one(_BACKED_UP)
    if row is None:
        return None
    keys = str(json.loads(row["entry"])["data"].get("keys", ""))
    return int(row["at"]), frozenset(keys.split())
