"""What a subject module may ask of a database: a few methods, the same on both stores.

Statements are `Query` objects with `:name` parameters, written once. Where a store needs a text
of its own it is given as a named variant. A `SetQuery` is one statement over many rows: what is
asked or written for a hundred callers costs one round trip, not a hundred. Every query registers
itself, so that a test can prepare each one on each store.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

Row = Mapping[str, Any]
"""One row: column name to value. Blobs are bytes, moments and counts int, flags bool or 0/1."""

QUERIES: Final[dict[str, Query]] = {}
"""Every statement of Enlist by name."""

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


class Statement:
    """One SQL statement. `text` serves both stores unless a variant is given.

    `COLLATE "C"`, by which PostgreSQL compares texts byte by byte, is what SQLite does anyway.
    """

    def __init__(self, name: str, text: str, *, postgres: str = "", sqlite: str = "") -> None:
        self.name = name
        self.sqlite = _by_bytes(sqlite or text)
        self.postgres = _PARAMETER.sub(r"%(\1)s", (postgres or text).replace("%", "%%"))

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters that the statement takes."""
        return frozenset(_PARAMETER.findall(self.sqlite))


def _by_bytes(text: str) -> str:
    return text.replace(' COLLATE "C"', "")


class Query(Statement):
    """A statement that is asked again and again, under a name of its own."""

    def __init__(self, name: str, text: str, *, postgres: str = "", sqlite: str = "") -> None:
        if name in QUERIES:
            raise ValueError(f"two queries are called {name}")
        super().__init__(name, text, postgres=postgres, sqlite=sqlite)
        QUERIES[name] = self


class SetQuery(Query):
    """One statement over many rows at once, which it finds in a table called `asked`.

    PostgreSQL is given each column as an array, SQLite the rows as they are. The arrays travel in
    binary form: in the text form psycopg would escape every quote of every event by itself.

    Args:
        columns: name and PostgreSQL type of each column of `asked`: `id uuid, size bigint`.
        text: what follows `WITH asked (…) AS (…)`; other parameters are the same for all rows.
        postgres: the text for PostgreSQL, where it needs one of its own.
    """

    def __init__(self, name: str, columns: str, text: str, *, postgres: str = "") -> None:
        self.types: Final = dict(column.split() for column in columns.split(","))
        self.columns: Final = tuple(self.types)
        self._text = _by_bytes(text)
        self._over: dict[int, str] = {}
        self.common: Final = tuple(dict.fromkeys(_PARAMETER.findall(text)))
        super().__init__(name, self._with(f"VALUES ({', '.join(f':{n}' for n in self.columns)})"))
        self._following = _PARAMETER.sub(r"%(\1)s", (postgres or text).replace("%", "%%"))
        self.postgres = self._with(self._unnest(""), self._following)

    def over(self, rows: int) -> str:
        """The text for this many rows on SQLite; parameters are the rows' values, then `common`."""
        made = self._over.get(rows)
        if made is None:
            row = f"({', '.join('?' * len(self.columns))})"
            first = rows * len(self.columns) + 1
            numbers = {name: f"?{first + place}" for place, name in enumerate(self.common)}
            text = _PARAMETER.sub(lambda found: numbers[found[1]], self._text)
            made = self._over[rows] = self._with(f"VALUES {', '.join([row] * rows)}", text)
        return made

    def arrays(self, rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
        """The rows as PostgreSQL is given them: an array for each column."""
        return {name: [row[name] for row in rows] for name in self.columns}

    def as_step(self, place: int) -> str:
        """The text for PostgreSQL as a step of a chain; the names of its columns begin so."""
        given = self._unnest(f"s{place}_")
        if place:
            names = ", ".join(self.columns)
            given += f" AS given ({names}) WHERE given.{Chain.KEY} IN (SELECT id FROM step_0)"
        return self._with(given, self._following)

    def _unnest(self, prefix: str) -> str:
        arrays = (f"CAST(%({prefix}{name})b AS {kind}[])" for name, kind in self.types.items())
        return f"SELECT * FROM unnest({', '.join(arrays)})"

    def _with(self, asked: str, text: str = "") -> str:
        return f"WITH asked ({', '.join(self.columns)}) AS ({asked}) {text or self._text}"


class Chain(Query):
    """Several `SetQuery` as one: the first decides for whom the others are done.

    The first returns `id`. The others have a column `enrollment_id`, and are done for the rows of
    those that it returned; where one of them returns rows, it has to return one for each of those.
    To PostgreSQL this is a single statement: nothing that hundreds wait for is asked twice. Where
    a row is missing it divides by zero, so that the server takes all of it back.
    """

    KEY: Final = "enrollment_id"

    def __init__(self, name: str, first: SetQuery, *others: SetQuery) -> None:
        self.steps: Final = (first, *others)
        self._names = [
            [(column, f"s{place}_{column}") for column in step.columns]
            for place, step in enumerate(self.steps)
        ]
        self.types: Final = {
            f"s{place}_{column}": kind
            for place, step in enumerate(self.steps)
            for column, kind in step.types.items()
        }
        super().__init__(name, first.sqlite)
        steps = ", ".join(
            f"step_{place} AS ({step.as_step(place)})" for place, step in enumerate(self.steps)
        )
        whole = " AND ".join(
            f"(SELECT count(*) FROM step_{place}) = (SELECT count(*) FROM step_0)"
            for place in range(1, len(self.steps))
            if self.answers(place)
        )
        self.postgres = (
            f"WITH {steps} SELECT step_0.id, 1 / CASE WHEN {whole} THEN 1 ELSE 0 END FROM step_0"
        )

    def answers(self, place: int) -> bool:
        """Whether a step returns a row for each that it was done for."""
        return "RETURNING" in self.steps[place].sqlite

    def arrays(self, steps: Sequence[Sequence[Mapping[str, object]]]) -> dict[str, object]:
        """The rows for all steps as PostgreSQL is given them: an array for each column."""
        return {
            given: [row[column] for row in rows]
            for names, rows in zip(self._names, steps, strict=True)
            for column, given in names
        }


Asked = tuple[SetQuery, Sequence[Mapping[str, object]], Mapping[str, object]]
"""A `SetQuery`, its rows, and the values that are the same for all of them."""


class Reader(Protocol):
    """Reading: what `look` gets."""

    @property
    def now(self) -> int:
        """The one present moment of this transaction, microseconds UTC."""
        ...

    def all(self, query: Statement, /, **values: object) -> list[Row]:
        """Every row."""
        ...

    def one(self, query: Statement, /, **values: object) -> Row | None:
        """The only row, or None."""
        ...

    def bare(self, query: Statement, /, **values: object) -> list[tuple[Any, ...]]:
        """Every row without its names, which cost time where there are millions."""
        ...

    def each(
        self, query: SetQuery, rows: Sequence[Mapping[str, object]], /, **common: object
    ) -> list[Row]:
        """Execute a statement over all of `rows`; what it returned, in no certain order.

        Args:
            rows: the values by column of `asked`.
            common: values that are the same for every row.
        """
        ...

    def each_of(self, asked: Sequence[Asked]) -> list[list[Row]]:
        """Several times `each`, in one round trip where there are round trips."""
        ...


class Tx(Reader, Protocol):
    """Reading and writing: what `apply` gets."""

    def chain(
        self,
        chain: Chain,
        steps: Sequence[Sequence[Mapping[str, object]]],
        /,
        *,
        only: bool = False,
        **common: object,
    ) -> list[Row]:
        """Execute a chain over the rows for each of its steps; what the first step returned.

        Args:
            only: nothing else is done in this transaction, so the statement can be all of it.

        Raises:
            ConcurrentChange: one of the others returned fewer rows; nothing was done.
        """
        ...

    def run(self, query: Statement, /, **values: object) -> int:
        """Execute a change; the row count is the answer to whether it happened."""
        ...


class StoreUnavailable(Exception):
    """The database cannot be reached, is full or is too busy; nothing was written (S75)."""


class Unstorable(Exception):
    """A value that no database column can hold: NUL, a lone surrogate, a number beyond 64 bits.

    It can only have come from outside, so the caller is told that his request is malformed.
    """


class ConcurrentChange(Exception):
    """What `apply` relied on changed under it; the driver looks again from the start."""


class UniqueViolation(Exception):
    """A unique index refused a row. `index` names it as the store reports it."""

    def __init__(self, index: str) -> None:
        super().__init__(index)
        self.index = index
