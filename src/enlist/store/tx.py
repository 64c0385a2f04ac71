"""What a subject module may ask of a database: five methods, the same on both stores.

Statements are `Query` objects with `:name` parameters, written once. Where a store needs a text
of its own it is given as a named variant. A `SetQuery` is one statement over many rows: what is
asked or written for a hundred callers costs one round trip, not a hundred. Every query registers
itself, so that a test can prepare each one on each store (house rule 11).
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
    """One SQL statement. `text` serves both stores unless a variant is given."""

    def __init__(self, name: str, text: str, *, postgres: str = "", sqlite: str = "") -> None:
        self.name = name
        self.sqlite = sqlite or text
        self.postgres = _PARAMETER.sub(r"%(\1)s", (postgres or text).replace("%", "%%"))

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters that the statement takes."""
        return frozenset(_PARAMETER.findall(self.sqlite))


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
        typed = [column.split() for column in columns.split(",")]
        self.columns: Final = tuple(column for column, _ in typed)
        self._text = text
        self._over: dict[int, str] = {}
        self.common: Final = tuple(dict.fromkeys(_PARAMETER.findall(text)))
        super().__init__(name, self._with(f"VALUES ({', '.join(f':{n}' for n in self.columns)})"))
        arrays = ", ".join(f"CAST(%({column})b AS {kind}[])" for column, kind in typed)
        following = _PARAMETER.sub(r"%(\1)s", (postgres or text).replace("%", "%%"))
        self.postgres = self._with(f"SELECT * FROM unnest({arrays})", following)

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

    def _with(self, asked: str, text: str = "") -> str:
        return f"WITH asked ({', '.join(self.columns)}) AS ({asked}) {text or self._text}"


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


class Tx(Reader, Protocol):
    """Reading and writing: what `apply` gets."""

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
