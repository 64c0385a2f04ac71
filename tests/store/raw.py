"""A database spoken to directly, past Enlist: as a curious administrator would."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg

from enlist.settings import Settings
from enlist.store.sqlite import connect
from enlist.store.tx import Query

_PLACEHOLDER = re.compile(r"%\((\w+)\)[sb]")


class Refused(Exception):
    """The database itself said no."""


class Raw(Protocol):
    """One connection, each statement in a transaction of its own."""

    def execute(self, statement: str) -> list[tuple[Any, ...]]: ...
    def plan(self, query: Query) -> Sequence[str]: ...


class RawSqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            return [tuple(row) for row in self._connection.execute(statement).fetchall()]
        except sqlite3.DatabaseError as error:
            raise Refused(str(error)) from error

    def plan(self, query: Query) -> Sequence[str]:
        """The lines of the plan; raises where the statement is no statement here."""
        values = dict.fromkeys(query.parameters)
        rows = self._connection.execute(f"EXPLAIN QUERY PLAN {query.sqlite}", values).fetchall()
        return [str(row[3]) for row in rows]


class RawPostgres:
    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            cursor = self._connection.execute(statement.encode())
            return list(cursor.fetchall()) if cursor.description else []
        except psycopg.Error as error:
            raise Refused(str(error)) from error

    def plan(self, query: Query) -> Sequence[str]:
        """The lines of the plan for any values."""
        names = list(dict.fromkeys(_PLACEHOLDER.findall(query.postgres)))
        text = _PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}", query.postgres)
        values = f"({', '.join(['NULL'] * len(names))})" if names else ""
        self.execute("SET plan_cache_mode = force_generic_plan")
        self.execute(f"PREPARE planned AS {text.replace('%%', '%')}")
        lines = [str(row[0]) for row in self.execute(f"EXPLAIN EXECUTE planned{values}")]
        self.execute("DEALLOCATE planned")
        return lines


@contextmanager
def opened(settings: Settings) -> Iterator[Raw]:
    """The database of these settings."""
    if not settings.database:
        connection = connect(settings.sqlite_path)
        try:
            yield RawSqlite(connection)
        finally:
            connection.close()
        return
    with psycopg.connect(settings.database, autocommit=True) as session:
        yield RawPostgres(session)
