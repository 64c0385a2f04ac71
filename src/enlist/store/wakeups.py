"""Hearing what other processes tell (see `announcing`): how a reset reaches open sessions.

Both stores answer in one way: wait a while, then say whose sessions to look at. What may have been
missed, as after a broken connection, makes it *everybody's*.
"""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from enlist.store.announcing import CHANNEL, Whose
from enlist.store.sqlite import SqliteStore, connect
from enlist.store.tx import Query, StoreUnavailable

if TYPE_CHECKING:
    import psycopg

POLL: Final = 0.1
"""Seconds between two looks at whether another process wrote to a SQLite database."""
_ALIVE_EVERY: Final = 0.5
"""Seconds after which a silent PostgreSQL is asked whether it is still there."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Whose sessions to look at."""

    whose: frozenset[Whose] = frozenset()
    everybody: bool = False

    def __bool__(self) -> bool:
        return self.everybody or bool(self.whose)


class Wakeups(Protocol):
    """Where a process hears; used by one thread."""

    def wait(self) -> Heard:
        """Wait until there is something to hear, or for some seconds.

        Raises:
            StoreUnavailable: what is told now is not heard; once it works again, the first answer
                is *everybody*.
        """
        ...

    def close(self) -> None:
        """Hear no more."""
        ...


class PostgresWakeups:
    """LISTEN, on a connection of its own; not through a pool that multiplexes transactions."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def wait(self) -> Heard:
        import psycopg

        try:
            if self._connection is None:
                self._connection = self._listen()
                return Heard(everybody=True)
            told = [each.payload for each in self._notified(self._connection)]
            if not told:
                self._connection.execute("SELECT 1")
            return _heard(told)
        except psycopg.Error as error:
            self.close()
            raise StoreUnavailable(str(error)) from error

    def _listen(self) -> psycopg.Connection[Any]:
        import psycopg

        from enlist.store.postgres import NOTICED_GONE

        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5, **NOTICED_GONE)
        try:
            connection.execute(f"LISTEN {CHANNEL}".encode())
        except BaseException:
            connection.close()
            raise
        return connection

    def _notified(self, connection: psycopg.Connection[Any]) -> Iterable[psycopg.Notify]:
        """The next notification and those that came with it."""
        first = list(connection.notifies(timeout=_ALIVE_EVERY, stop_after=1))
        return [*first, *connection.notifies(timeout=0)] if first else first

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


_DATA_VERSION: Final = Query(
    "sqlite.data_version",
    "PRAGMA data_version",
    postgres="SELECT 0 AS data_version",
)


class SqliteWakeups:
    """What this process wrote is told by the store itself; what others write is seen.

    SQLite's `data_version` changes when another connection commits. A connection that only looks
    sees every commit. On the one that writes, only those of other processes count, so that one is
    asked whether it was them, and there a look at everybody's sessions is due.
    """

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._queue = store.told()
        self._seen = self._looking = 0
        self._connection: sqlite3.Connection | None = None

    def wait(self) -> Heard:
        try:
            if self._connection is None:
                self._connection = connect(self._store.path, writable=False)
                self._seen, self._looking = self._writers_version(), _version(self._connection)
                return Heard(everybody=True)
            told = self._told()
            looking = _version(self._connection)
            if not told and looking == self._looking:
                return Heard()
            self._looking = looking
            # What was told is committed once something that was handed in later is.
            version = self._writers_version()
            changed, self._seen = version != self._seen, version
            return Heard(_heard(told).whose, changed)
        except sqlite3.Error as error:
            self.close()
            raise StoreUnavailable(str(error)) from error

    def _told(self) -> list[str]:
        """What this process told, as soon as it tells."""
        told: list[str] = []
        try:
            told.append(self._queue.get(timeout=POLL))
            while True:
                told.append(self._queue.get_nowait())
        except queue.Empty:
            return told

    def _writers_version(self) -> int:
        row = self._store.write(lambda tx: tx.one(_DATA_VERSION))
        return 0 if row is None else int(row["data_version"])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _heard(told: Iterable[str]) -> Heard:
    """What is not understood was told by a newer version: look at everybody's."""
    parsed = [Whose.parse(each) for each in told]
    return Heard(frozenset(each for each in parsed if each is not None), None in parsed)
