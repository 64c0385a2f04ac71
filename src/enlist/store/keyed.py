"""A PostgreSQL transaction for the hot lane: prepared once, arguments in binary, no cursor.

Every redemption passes here, so what psycopg's cursors do in Python for each statement counts:
with seven more round trips it took a third of the gathering thread's time. This speaks to `libpq`
through psycopg's own low-level interface (`psycopg.pq`), on connections that serve nothing else:
there each statement has one plan, made for finding few rows by their keys.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import psycopg
from psycopg import errors, pq
from psycopg.adapt import Transformer

from enlist.store.tx import (
    Asked,
    Chain,
    ConcurrentChange,
    Row,
    SetQuery,
    Statement,
    UniqueViolation,
    Unstorable,
)

BY_KEYS: Final = """
    SET enable_seqscan = off;
    SET plan_cache_mode = force_generic_plan
"""
"""Where every statement finds its rows by keys there is nothing to plan. The server would plan it
anew each time: it takes a batch of three for cheaper than one of ten. And where a table has grown
since the rows were last counted, it would read all of it for each batch."""

_PLACEHOLDER: Final = re.compile(r"%(?:\((\w+)\)[sb]|%)")
_FINE: Final = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
_NULL: Final = b"\xff\xff\xff\xff"
_TEXT, _BINARY = 0, 1


class KeyedConnection:
    """What a connection of the hot lane remembers of the statements that it prepared."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.pgconn = connection.pgconn
        self.pgconn.nonblocking = 0  # nothing else waits for it in this thread
        # Given the connection itself it would keep it, and so us, for as long as we are kept.
        self._transformer = Transformer(connection.adapters)
        self._prepared: dict[str, _Prepared] = {}

    def execute(self, query: Statement, values: Mapping[str, object]) -> pq.abc.PGresult:
        """Execute a statement; arrays for a `SetQuery`'s columns.

        Raises:
            ConcurrentChange: a `Chain` that did not hold.
            Unstorable, UniqueViolation, psycopg.Error
        """
        prepared, given = self._arguments(query, values)
        return self._checked(self.pgconn.exec_prepared(prepared.name, given, prepared.formats))

    def execute_each(
        self, asked: Sequence[tuple[Statement, Mapping[str, object]]]
    ) -> list[pq.abc.PGresult]:
        """Execute several statements that do not need each other's answers, in one round trip.

        Raises:
            as `execute` does, for the first that fails.
        """
        ready = [self._arguments(query, values) for query, values in asked]
        self.pgconn.enter_pipeline_mode()
        try:
            for prepared, given in ready:
                self.pgconn.send_query_prepared(prepared.name, given, prepared.formats)
            self.pgconn.pipeline_sync()
            results = [self._answer() for _ in ready]
            self.pgconn.get_result()  # the end of the pipeline
        finally:
            if self.pgconn.status == pq.ConnStatus.OK:
                self.pgconn.exit_pipeline_mode()
        return [self._checked(result) for result in results]

    def _answer(self) -> pq.abc.PGresult:
        """The next result of a pipeline, up to the nothing that stands behind each."""
        result = self.pgconn.get_result()
        if result is None:
            raise psycopg.OperationalError(self.pgconn.get_error_message())
        while self.pgconn.get_result() is not None:
            pass
        return result

    def _arguments(
        self, query: Statement, values: Mapping[str, object]
    ) -> tuple[_Prepared, list[Any]]:
        prepared = self._prepared.get(query.name) or self._prepare(query)
        try:
            return prepared, [encode(values[name]) for name, encode in prepared.parameters]
        except (ValueError, OverflowError, struct.error) as error:
            raise Unstorable(str(error)) from error

    def command(self, text: bytes) -> None:
        """Execute something without arguments, such as BEGIN."""
        self._checked(self.pgconn.exec_(text))

    def commit(self) -> None:
        """Commit; not what failed and was taken for done, of which the server says only so."""
        if self._checked(self.pgconn.exec_(b"COMMIT")).command_status != b"COMMIT":
            raise RuntimeError("a statement failed, but not the transaction: nothing was written")

    def rows(self, query: Statement, result: pq.abc.PGresult) -> list[Row]:
        """What a statement returned."""
        prepared = self._prepared[query.name]
        names = prepared.columns
        if not names:
            names += [(result.fname(n) or b"").decode() for n in range(result.nfields)]
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(
            0, result.ntuples, lambda row: dict(zip(names, row, strict=True))
        )

    def _prepare(self, query: Statement) -> _Prepared:
        names: dict[str, int] = {}

        def numbered(found: re.Match[str]) -> str:
            return f"${names.setdefault(found[1], len(names) + 1)}" if found[1] else "%"

        text = _PLACEHOLDER.sub(numbered, query.postgres)
        types = query.types if isinstance(query, SetQuery | Chain) else {}
        # By its text: no mistake of a pooler's can execute another statement in its place.
        name = f"enlist_{hashlib.sha256(text.encode()).hexdigest()[:32]}".encode()
        self._checked(self.pgconn.prepare(name, text.encode()))
        made = _Prepared(
            name,
            [(each, _ARRAYS[types[each]] if each in types else _scalar) for each in names],
            [_BINARY if each in types else _TEXT for each in names],
            [],
        )
        self._prepared[query.name] = made
        return made

    def _checked(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status in _FINE:
            return result
        if self.pgconn.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError(self.pgconn.get_error_message())
        error = errors.error_from_result(result)
        if isinstance(error, errors.UniqueViolation):
            raise UniqueViolation(error.diag.constraint_name or "") from error
        if isinstance(error, errors.DivisionByZero):
            raise ConcurrentChange from error  # see `Chain`
        if isinstance(error, psycopg.DataError):
            raise Unstorable(str(error)) from error
        raise error


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as this connection knows it; `columns` is filled in with the first answer."""

    name: bytes
    parameters: list[tuple[str, Callable[[Any], bytes | None]]]
    formats: list[int]
    columns: list[str]


class KeyedTx:
    """What reads on a connection of the hot lane, each statement by itself."""

    def __init__(self, connection: KeyedConnection, now: int) -> None:
        self._connection = connection
        self.now = now

    def all(self, query: Statement, /, **values: object) -> list[Row]:
        return self._connection.rows(query, self._execute(query, values))

    def one(self, query: Statement, /, **values: object) -> Row | None:
        rows = self.all(query, **values)
        return rows[0] if rows else None

    def bare(self, query: Statement, /, **values: object) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.all(query, **values)]

    def each(
        self, query: SetQuery, rows: Sequence[Mapping[str, object]], /, **common: object
    ) -> list[Row]:
        if not rows:
            return []
        result = self._execute(query, query.arrays(rows) | common)
        return self._connection.rows(query, result) if result.nfields else []

    def each_of(self, asked: Sequence[Asked]) -> list[list[Row]]:
        worth = [(query, query.arrays(rows) | {**common}) for query, rows, common in asked if rows]
        results = iter(self._execute_each(worth))
        return [
            self._connection.rows(query, next(results)) if rows else [] for query, rows, _ in asked
        ]

    def _execute(self, query: Statement, values: Mapping[str, object]) -> pq.abc.PGresult:
        return self._connection.execute(query, values)

    def _execute_each(
        self, asked: Sequence[tuple[Statement, Mapping[str, object]]]
    ) -> list[pq.abc.PGresult]:
        if len(asked) > 1:
            return self._connection.execute_each(asked)
        return [self._execute(*one) for one in asked]


class ClaimTx(KeyedTx):
    """A transaction of the hot lane. It begins where there is more than one statement to it.

    Args:
        begin: what begins it at once; b"" leaves that to its first statement.
    """

    def __init__(self, connection: KeyedConnection, now: int, begin: bytes = b"") -> None:
        super().__init__(connection, now)
        self._begun = self._over = False
        if begin:
            self._begin(begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._begun and kind is None:
            self._connection.commit()
        elif self._begun:
            with contextlib.suppress(psycopg.Error):
                self._connection.command(b"ROLLBACK")

    def run(self, query: Statement, /, **values: object) -> int:
        return self._execute(query, values).command_tuples or 0

    def chain(
        self,
        chain: Chain,
        steps: Sequence[Sequence[Mapping[str, object]]],
        /,
        *,
        only: bool = False,
        **common: object,
    ) -> list[Row]:
        if only:
            self._go_on()
        else:
            self._begin()
        self._over = only
        found = self._connection.execute(chain, chain.arrays(steps) | common)
        return self._connection.rows(chain, found)

    def _go_on(self) -> None:
        """Refuse what would follow from a claim and be in no transaction with it."""
        if self._over:
            raise RuntimeError("a chain that was to be all of its transaction was not all of it")

    def _begin(self, command: bytes = b"BEGIN") -> None:
        self._go_on()
        if not self._begun:
            self._connection.command(command)
            self._begun = True

    def _execute(self, query: Statement, values: Mapping[str, object]) -> pq.abc.PGresult:
        self._begin()
        return super()._execute(query, values)

    def _execute_each(
        self, asked: Sequence[tuple[Statement, Mapping[str, object]]]
    ) -> list[pq.abc.PGresult]:
        self._begin()
        return super()._execute_each(asked)


# --- arguments ---------------------------------------------------------------------------------


def _scalar(value: object) -> bytes | None:
    """A single value in its text form."""
    if value is None:
        return None
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    text = str(value)
    if "\x00" in text:
        raise ValueError("a text holds NUL")
    return text.encode()


def _array(oid: int, elements: Callable[[Sequence[Any]], list[bytes]]) -> Callable[[Any], bytes]:
    """The binary form of arrays of a type; `elements` are its values, each with its length."""

    def encode(values: Sequence[Any]) -> bytes:
        found = elements(values)
        nulls = int(None in values)
        return struct.pack("!5i", 1, nulls, oid, len(found), 1) + b"".join(found)

    return encode


def _uuids(values: Sequence[str | None]) -> list[bytes]:
    found = [
        _NULL if value is None else b"\0\0\0\x10" + bytes.fromhex(value.replace("-", ""))
        for value in values
    ]
    if any(len(one) != 20 and one is not _NULL for one in found):
        raise ValueError("an id of another length, which would be read as part of its neighbours")
    return found


def _texts(values: Sequence[str | None]) -> list[bytes]:
    return _blobs([None if value is None else value.encode() for value in values])


def _blobs(values: Sequence[bytes | None]) -> list[bytes]:
    return [_NULL if value is None else len(value).to_bytes(4, "big") + value for value in values]


def _numbers(size: int) -> Callable[[Sequence[int | None]], list[bytes]]:
    length = size.to_bytes(4, "big")

    def encode(values: Sequence[int | None]) -> list[bytes]:
        return [
            _NULL if value is None else length + value.to_bytes(size, "big", signed=True)
            for value in values
        ]

    return encode


_ARRAYS: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "uuid": _array(2950, _uuids),
    "text": _array(25, _texts),
    "bytea": _array(17, _blobs),
    "bigint": _array(20, _numbers(8)),
    "integer": _array(23, _numbers(4)),
}
"""By the type that a `SetQuery` gives its column: the element's object id, and its values."""
