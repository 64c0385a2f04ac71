"""PostgreSQL: any number of processes, a pool of connections in each.

A write is one READ COMMITTED transaction; the conditions stand in the statements, so nothing
stronger is needed. A read sees one snapshot, as on SQLite: else a request that was repeated while
its first run commits would find the name taken, but not that it took it. A deadlock or
serialization victim is run again; the functions do SQL only.

The hot lane has connections of its own (see `keyed`). What is read there for a claim is not one
snapshot: the claim looks again at all that it relies on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar, cast
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors
from psycopg.rows import dict_row, tuple_row
from psycopg.types.string import TextLoader
from psycopg_pool import ConnectionPool, PoolTimeout

from enlist.core.clock import SECOND, Clock
from enlist.store.keyed import BY_KEYS, ClaimTx, KeyedConnection, KeyedTx
from enlist.store.tx import (
    Asked,
    Chain,
    ConcurrentChange,
    Query,
    Reader,
    Row,
    SetQuery,
    Statement,
    StoreUnavailable,
    Tx,
    UniqueViolation,
    Unstorable,
)

T = TypeVar("T")
Claim = TypeVar("Claim")
Answer = TypeVar("Answer")

CONNECTED_WITHIN: Final = 10
"""Seconds that whoever needs a connection waits for one."""
_AWAY_WITHIN: Final = 1
"""The same while the server is away, so that everybody is told at once, and no thread is kept."""
NOTICED_GONE: Final[Mapping[str, Any]] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""How a server is noticed that is gone without a word, as when its machine loses its power: within
half a minute. The system's own settings would let whoever asks wait for a quarter of an hour."""
_RETRIES: Final = 5
_UNAVAILABLE: Final = (
    PoolTimeout,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,  # a standby, before it is promoted
    errors.InsufficientPrivilege,
)
_STALE: Final = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)
"""What was prepared on a connection is gone, or made for columns as they were before a migration.
Nothing but another connection helps."""
Connection = psycopg.Connection[Mapping[str, Any]]

_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_KEYED: Final = 4
"""Connections of the hot lane: one for the thread that gathers, others for who comes alone."""
_PATIENCE: Final = 500
_PATIENCE_ALONE: Final = 3_000
"""Milliseconds to wait for a row that somebody keeps locked: beside others, whom it must not hold
up, and alone, where it may only be a queue of devices with the same token."""


def configure(connection: Connection) -> None:
    """Ids come back as text, as everywhere in Enlist."""
    connection.adapters.register_loader("uuid", TextLoader)


class _Locked(Exception):
    """Somebody keeps a row locked."""


_BEGIN_PATIENTLY: Final = b"BEGIN; SET LOCAL lock_timeout = %d" % _PATIENCE_ALONE


class PostgresTx:
    """A transaction on a PostgreSQL connection."""

    def __init__(self, connection: Connection, now: int) -> None:
        self._connection = connection
        self.now = now

    def all(self, query: Statement, /, **values: object) -> list[Row]:
        return list(self._execute(query, values).fetchall())

    def one(self, query: Statement, /, **values: object) -> Row | None:
        return self._execute(query, values).fetchone()

    def bare(self, query: Statement, /, **values: object) -> list[tuple[Any, ...]]:
        cursor = self._execute(query, values)
        cursor.row_factory = tuple_row
        return list(cursor.fetchall())

    def run(self, query: Statement, /, **values: object) -> int:
        return self._execute(query, values).rowcount

    def each(
        self, query: SetQuery, rows: Sequence[Mapping[str, object]], /, **common: object
    ) -> list[Row]:
        if not rows:
            return []
        cursor = self._execute(query, query.arrays(rows) | common)
        return list(cursor.fetchall()) if cursor.description else []

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
        return list(self._execute(chain, chain.arrays(steps) | common).fetchall())

    def _execute(self, query: Statement, values: dict[str, object]) -> psycopg.Cursor[Any]:
        try:
            return self._connection.execute(cast("Any", query.postgres), values)
        except errors.UniqueViolation as error:
            raise UniqueViolation(error.diag.constraint_name or "") from error
        except errors.DivisionByZero as error:
            raise ConcurrentChange from error  # see `Chain`
        except (psycopg.DataError, UnicodeEncodeError, OverflowError) as error:
            raise Unstorable(str(error)) from error


class PostgresStore:
    """The store on a PostgreSQL server."""

    dialect = "postgres"

    def __init__(self, url: str, clock: Clock, *, size: int = 8) -> None:
        self._clock = clock
        self._pool = _pool(url, 1, size, _configure_pooled)
        self._keyed = _pool(url, 0, _KEYED, _configure_keyed)
        self._memories: WeakKeyDictionary[Connection, KeyedConnection] = WeakKeyDictionary()
        self._there = True

    def read(self, function: Callable[[Reader], T], *, by_keys: bool = False) -> T:
        def reading(connection: Connection) -> T:
            connection.execute(cast("Any", _BEGIN_READING))
            try:
                return function(PostgresTx(connection, self._clock()))
            finally:
                with contextlib.suppress(psycopg.Error):  # what was read was read
                    connection.execute("COMMIT")

        if by_keys:
            return self._with_keyed(lambda keyed: function(KeyedTx(keyed, self._clock())))
        return self._with_connection(reading)

    def write(self, function: Callable[[PostgresTx], T]) -> T:
        def writing(connection: Connection) -> T:
            with connection.transaction():
                return function(PostgresTx(connection, self._clock()))

        return self._with_connection(writing)

    def claim(
        self,
        apply: Callable[[Tx, Sequence[Claim]], Sequence[Answer]],
        claims: Sequence[Claim],
    ) -> Sequence[Answer]:
        def claiming(connection: KeyedConnection, begin: bytes = b"") -> Sequence[Answer]:
            try:
                with ClaimTx(connection, self._clock(), begin) as tx:
                    return apply(tx, claims)
            except errors.LockNotAvailable as error:
                raise _Locked(str(error)) from error

        try:
            return self._with_keyed(claiming)
        except _Locked as error:
            if len(claims) > 1:
                raise ConcurrentChange from error  # each alone: the others need not wait
        try:
            return self._with_keyed(partial(claiming, begin=_BEGIN_PATIENTLY))
        except _Locked as error:
            raise StoreUnavailable(str(error)) from error

    def check(self) -> int:
        row = self.read(lambda tx: tx.one(_CLOCK))
        return int(row["now"] * SECOND) - self._clock() if row else 0

    def close(self) -> None:
        self._pool.close()
        self._keyed.close()

    def _with_connection(self, function: Callable[[Connection], T]) -> T:
        return self._with(self._pool, function)

    def _with_keyed(self, function: Callable[[KeyedConnection], T]) -> T:
        def using(connection: Connection) -> T:
            keyed = self._memories.get(connection)
            if keyed is None:
                keyed = self._memories[connection] = KeyedConnection(connection)
            return function(keyed)

        return self._with(self._keyed, using)

    def _with(self, pool: ConnectionPool[Connection], function: Callable[[Connection], T]) -> T:
        for attempt in range(_RETRIES):
            within = CONNECTED_WITHIN if self._there else _AWAY_WITHIN
            try:
                with pool.connection(within) as connection, _closed_if_stale(connection):
                    answer = function(connection)
                self._there = True
                return answer
            except (errors.DeadlockDetected, errors.SerializationFailure, *_STALE) as error:
                if attempt == _RETRIES - 1:
                    raise StoreUnavailable(str(error)) from error
            except _UNAVAILABLE as error:
                # Of its other faults a server tells that is there.
                self._there = not (error.sqlstate or "08").startswith(("08", "57P"))
                raise StoreUnavailable(str(error)) from error
        raise AssertionError("unreachable")


@contextlib.contextmanager
def _closed_if_stale(connection: Connection) -> Iterator[None]:
    """The pool makes another connection for one that comes back closed."""
    try:
        yield
    except _STALE:
        connection.close()
        raise


def _pool(
    url: str, least: int, most: int, configured: Callable[[Connection], None]
) -> ConnectionPool[Connection]:
    return ConnectionPool(
        url,
        min_size=least,
        max_size=most,
        timeout=CONNECTED_WITHIN,
        configure=configured,
        kwargs={
            "row_factory": dict_row,
            "autocommit": True,
            "connect_timeout": 5,
            "client_encoding": "UTF8",  # whatever the database is kept in
            **NOTICED_GONE,
        },
        open=True,
        name="enlist",
    )


def _configure_pooled(connection: psycopg.Connection[Any]) -> None:
    configure(connection)


def _configure_keyed(connection: psycopg.Connection[Any]) -> None:
    configure(connection)
    connection.execute(cast("Any", f"{BY_KEYS}; SET lock_timeout = {_PATIENCE}"))


_CLOCK = Query(
    "postgres.clock",
    "SELECT 0 AS now",
    postgres="SELECT extract(epoch FROM clock_timestamp()) AS now",
)
