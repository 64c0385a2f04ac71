"""Lists: search, filters, one sort, and pages that stay put while rows are added (keyset).

A `Listing` is declared with fixed SQL fragments; a request only chooses among them, and every
value is a parameter. A cursor is the sort value and id of the last row shown, so page 1,000
costs what page 1 costs (P18).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Generic, TypeVar

from enlist.core.ids import parse_id
from enlist.core.outcomes import Refusal, invalid
from enlist.store.tx import QUERIES, Query, Reader, Row

T = TypeVar("T")

MOST_PER_PAGE: Final = 500
LISTINGS: Final[dict[str, Listing]] = {}
"""Every listing by name; a test prepares each with each filter and sort on each store."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to show of a list.

    Attributes:
        path: the organization whose subtree is shown.
        search: text that must occur, case-insensitively; `%` and `_` mean themselves (A39).
        filters: filter name to value; names that the listing does not have are refused.
        sort: name of a sort; a leading `-` turns it round.
        limit: rows per page, 1 to 500.
        cursor: `next_cursor` of the page before.
    """

    path: str
    search: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    limit: int = 50
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and where the next ones begin; no cursor on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class Listing:
    """One list of things, declared by its SQL fragments.

    `select` ends in a WHERE clause to which conditions are added with AND. `id` and every sort
    expression must never be NULL. Ids are in order of age, so a sort by the moment something was
    made is declared with the id itself, and walks the primary key.
    """

    def __init__(
        self,
        name: str,
        select: str,
        *,
        id: str,  # noqa: A002
        path: str,
        sorts: Mapping[str, str],
        default_sort: str,
        filters: Mapping[str, str] | None = None,
        search: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self._select = select
        self._id = id
        self._path = path
        self.sorts = sorts
        self.filters = filters or {}
        self._search = search
        self._default_sort = default_sort
        LISTINGS[name] = self

    def page(self, tx: Reader, request: PageRequest, make: Callable[[Row], T]) -> Page[T] | Refusal:
        """The page that `request` asks for, each row passed through `make`.

        Refusals: `validation_failed` for an unknown filter or sort, a bad limit or cursor.
        """
        sort, descending = _sort(request.sort or self._default_sort)
        problem = self._problem(request, sort)
        if problem is not None:
            return problem
        values: dict[str, object] = {
            "path": request.path,
            "path_end": path_end(request.path),
            "limit": request.limit + 1,
            "now": tx.now,
            **{name: value for name, value in request.filters.items() if value},
        }
        if request.search:
            values["search"] = like(request.search)
        if request.cursor:
            by_age = self.sorts[sort] == self._id
            moment = not by_age and sort.endswith("_at")
            after = _open_cursor(request.cursor, moment=moment)
            if after is None:
                return invalid("cursor", "is not a cursor from an earlier page of this list")
            values["after_value"], values["after_id"] = after
        query = self.query(
            sort,
            descending,
            tuple(sorted(name for name, value in request.filters.items() if value)),
            searching=bool(request.search),
            following=bool(request.cursor),
        )
        rows = tx.all(query, **{k: v for k, v in values.items() if k in query.parameters})
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        cursor = _make_cursor(shown[-1]["sort_value"], shown[-1]["sort_id"]) if more else None
        return Page(tuple(make(row) for row in shown), cursor)

    def query(
        self,
        sort: str,
        descending: bool,
        filters: tuple[str, ...],
        *,
        searching: bool,
        following: bool,
    ) -> Query:
        """The statement for one combination; made once."""
        return _build(self.name, sort, descending, filters, searching, following)

    def _problem(self, request: PageRequest, sort: str) -> Refusal | None:
        if not 1 <= request.limit <= MOST_PER_PAGE:
            return invalid("limit", f"must be from 1 to {MOST_PER_PAGE}")
        if sort not in self.sorts:
            return invalid("sort", f"must be one of {', '.join(self.sorts)}, with or without -")
        for name in request.filters:
            if name not in self.filters:
                return invalid(name, f"unknown filter; there are {', '.join(self.filters)}")
        return None

    def text(
        self,
        sort: str,
        descending: bool,
        filters: tuple[str, ...],
        searching: bool,
        following: bool,
    ) -> str:
        """SQL for one combination of the fixed fragments."""
        key, direction, sign = (
            self.sorts[sort],
            "DESC" if descending else "ASC",
            "<>"[not descending],
        )
        where = [f"{self._path} >= :path AND {self._path} < :path_end"]
        where += [f"({self.filters[name]})" for name in filters]
        if searching:
            where.append(
                "("
                + " OR ".join(f"lower({column}) LIKE :search ESCAPE '!'" for column in self._search)
                + ")"
            )
        order = f"{key} {direction}, {self._id} {direction}"
        if key == self._id:
            order = f"{key} {direction}"
        if following and key == self._id:
            where.append(f"{key} {sign} :after_id")
        elif following:
            where.append(f"({key}, {self._id}) {sign} (:after_value, :after_id)")
        select = self._select.replace(
            "SELECT ", f"SELECT {key} AS sort_value, {self._id} AS sort_id, ", 1
        )
        return f"{select} AND {' AND '.join(where)} ORDER BY {order} LIMIT :limit"


@lru_cache(maxsize=2048)
def _build(
    name: str,
    sort: str,
    descending: bool,
    filters: tuple[str, ...],
    searching: bool,
    following: bool,
) -> Query:
    label = f"list.{name}.{sort}.{descending}.{'+'.join(filters)}.{searching}.{following}"
    QUERIES.pop(label, None)
    return Query(label, LISTINGS[name].text(sort, descending, filters, searching, following))


def path_end(path: str) -> str:
    """The first path after every path that begins with `path`: `/` is followed by `0`."""
    return path[:-1] + "0"


def like(text: str) -> str:
    """A LIKE pattern that finds `text` anywhere, with `!` as the escape character."""
    escaped = text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def _sort(text: str) -> tuple[str, bool]:
    return (text[1:], True) if text.startswith("-") else (text, False)


def _make_cursor(value: object, row_id: object) -> str:
    raw = json.dumps([value, str(row_id)], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _open_cursor(text: str, *, moment: bool) -> tuple[object, str] | None:
    """What a cursor says, or None. It comes from outside: what it holds must fit the column.

    A cursor of another sort, or a made-up one, would be a fault of the database otherwise; sorts
    by a moment are called `..._at`, all others compare text.
    """
    try:
        value, row_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError):
        return None
    if not isinstance(row_id, str) or parse_id(row_id) is None:
        return None
    if moment:
        return (value, row_id) if type(value) is int and abs(value) < 1 << 62 else None
    fits = isinstance(value, str) and "\x00" not in value and value.isprintable()
    return (value, row_id) if fits else None
