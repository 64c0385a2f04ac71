"""Reading for many at once: what was asked before, or ahead, is not asked again.

Within one snapshot the same question has the same answer. So requests that are looked at together
share a reader that remembers; and what each of them is about to ask can be asked for all of them
in one statement first. Whoever reads does not notice: what nobody asked ahead is asked then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from enlist.store.tx import Asked, Reader, Row, SetQuery, Statement

_Question = tuple[str, tuple[tuple[str, object], ...]]


class ReadAhead:
    """A `Reader` over one snapshot that remembers what it read."""

    def __init__(self, tx: Reader) -> None:
        self._tx = tx
        self.now = tx.now
        self._known: dict[_Question, list[Row]] = {}
        self._waiting: list[tuple[Asked, Callable[[list[Row]], None]]] = []

    def all(self, query: Statement, /, **values: object) -> list[Row]:
        question = _question(query, values)
        rows = self._known.get(question)
        if rows is None:
            rows = self._known[question] = self._tx.all(query, **values)
        return rows

    def one(self, query: Statement, /, **values: object) -> Row | None:
        rows = self.all(query, **values)
        return rows[0] if rows else None

    def bare(self, query: Statement, /, **values: object) -> list[tuple[Any, ...]]:
        return self._tx.bare(query, **values)

    def each(
        self, query: SetQuery, rows: Sequence[Mapping[str, object]], /, **common: object
    ) -> list[Row]:
        return self._tx.each(query, rows, **common)

    def each_of(self, asked: Sequence[Asked]) -> list[list[Row]]:
        return self._tx.each_of(asked)

    def ask(
        self,
        query: SetQuery,
        rows: Sequence[Mapping[str, object]],
        then: Callable[[list[Row]], None],
        /,
        **common: object,
    ) -> None:
        """Have something asked by the next `read`; `then` is given the answer, and may ask more."""
        self._waiting.append(((query, rows, common), then))

    def read(self) -> None:
        """Ask what waits, all at once, until nothing does."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            answers = self._tx.each_of([asked for asked, _ in waiting])
            for (_, then), found in zip(waiting, answers, strict=True):
                then(found)

    def know(self, query: Statement, rows: list[Row], /, **values: object) -> None:
        """These are the rows that `query` would find with these values."""
        self._known[_question(query, values)] = rows


def _question(query: Statement, values: Mapping[str, object]) -> _Question:
    # Named in another order it is another question, which costs an answer, but gives no wrong one.
    return query.name, tuple(values.items())
