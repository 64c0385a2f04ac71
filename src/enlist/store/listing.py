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

from enlist.core.ids import Id, parse_id
from enlist.core.outcomes import Refusal, invalid
from enlist.store.tx import QUERIES, Query, Reader, Row

T = TypeVar("T")

MOST_PER_PAGE: Final = 500
NAMED_WITHIN: Final = """(u.id = :myself OR u.organization_id IN (
    SELECT place.id FROM organization place
     WHERE place.path >= :people AND place.path < :people_end))"""
"""Whether the user `u` may be named to whoever asks."""
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
        people: where people must belong to be named or found by name; None for anywhere.
        myself: a user who is named wherever he belongs.
    """

    path: str
    search: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    limit: int = 50
    cursor: str = ""
    people: str | None = None
    myself: Id | None = None


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

    `veil` replaces fragments where not everybody may be named: in what is shown, searched and
    sorted alike, for a search that finds by a hidden name tells it, and so does a cursor.
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
        veil: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._select = select
        self._id = id
        self._path = path
        self.sorts = sorts
        self.filters = filters or {}
        self._search = search
        self._veil = veil or {}
        self._default_sort = default_sort
        LISTINGS[name] = self

    def page(
        self, tx: Reader, request: PageRequest, make: Callable[[Row], T], **beside: object
    ) -> Page[T] | Refusal:
        """The page that `request` asks for, each row passed through `make`.

        `beside` are values that filters need beside their own.

        Refusals: `validation_failed` for an unknown filter or sort, a bad limit or cursor.
        """
        sort, descending = _sort(request.sort or self._default_sort)
        problem = self._problem(request, sort)
        if problem is not None:
            return problem
        values = {**_values(request, tx.now), **beside}
        if request.cursor:
            after = self._after(request.cursor, sort)
            if after is None:
                return invalid("cursor", "is not a cursor from an earlier page of this list")
            values["after_value"], values["after_id"] = after
        query = self.query(
            sort,
            descending,
            tuple(sorted(name for name, value in request.filters.items() if value)),
            searching=bool(request.search),
            following=bool(request.cursor),
            veiled=request.people is not None,
        )
        rows = tx.all(query, **{k: v for k, v in values.items() if k in query.parameters})
        shown = rows[: request.limit]
        goes_on = len(rows) > request.limit
        cursor = (
            _make_cursor(sort, shown[-1]["sort_value"], shown[-1]["sort_id"]) if goes_on else None
        )
        return Page(tuple(make(row) for row in shown), cursor)

    def by_age(self, sort: str) -> bool:
        """Whether a sort follows the ids."""
        return self.sorts[sort] == self._id

    def query(
        self,
        sort: str,
        descending: bool,
        filters: tuple[str, ...],
        *,
        searching: bool,
        following: bool,
        veiled: bool = False,
    ) -> Query:
        """The statement for one combination; made once."""
        hides = veiled and bool(self._veil)
        return _build(self.name, sort, descending, filters, searching, following, hides)

    def _after(self, cursor: str, sort: str) -> tuple[object, str] | None:
        """Where the page before ended, or None for a cursor that is not this list's.

        A cursor comes from outside: one of another sort, or a made-up one, must not make the
        database compare text with a number. Sorts by a moment are called `..._at`.
        """
        opened = _open_cursor(cursor)
        if opened is None or opened[0] != sort:
            return None
        _, value, row_id = opened
        if self.by_age(sort):
            fits = value == row_id
        elif sort.endswith("_at"):
            fits = type(value) is int and abs(value) < 1 << 62
        else:
            fits = isinstance(value, str) and value.isprintable()
        return (value, row_id) if fits else None

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
        veiled: bool,
    ) -> str:
        """SQL for one combination of the fixed fragments."""
        key = self.sorts[sort]
        direction, sign = ("DESC", "<") if descending else ("ASC", ">")
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
        text = f"{select} AND {' AND '.join(where)} ORDER BY {order} LIMIT :limit"
        for plain, hidden in self._veil.items() if veiled else ():
            text = text.replace(plain, hidden)
        return text


@lru_cache(maxsize=2048)
def _build(
    name: str,
    sort: str,
    descending: bool,
    filters: tuple[str, ...],
    searching: bool,
    following: bool,
    veiled: bool,
) -> Query:
    label = f"list.{name}.{sort}.{descending}.{'+'.join(filters)}.{searching}.{following}.{veiled}"
    QUERIES.pop(label, None)
    listing = LISTINGS[name]
    text = listing.text(sort, descending, filters, searching, following, veiled)
    return Query(label, text, sqlite=_walked(text) if listing.by_age(sort) else "")


def _walked(text: str) -> str:
    """For SQLite: walk the list's own table in the order of its key, whatever its planner thinks.

    It would begin with the organizations and sort every row below them to show fifty; CROSS JOIN
    is its way of saying that the table on the left comes first.
    """
    return text.replace(" JOIN organization o ON", " CROSS JOIN organization o ON", 1)


def _values(request: PageRequest, now: int) -> dict[str, object]:
    """What the fragments may ask for, but for the cursor; a row more tells whether it goes on."""
    return {
        "path": request.path,
        "path_end": path_end(request.path),
        "limit": request.limit + 1,
        "now": now,
        "people": request.people or "",
        "people_end": path_end(request.people or "-"),
        "myself": request.myself,
        "search": like(request.search),
        **{name: value for name, value in request.filters.items() if value},
    }


def path_end(path: str) -> str:
    """The first path after every path that begins with `path`: `/` is followed by `0`."""
    return path[:-1] + "0"


def like(text: str) -> str:
    """A LIKE pattern that finds `text` anywhere, with `!` as the escape character."""
    escaped = text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def _sort(text: str) -> tuple[str, bool]:
    return (text[1:], True) if text.startswith("-") else (text, False)


def _make_cursor(sort: str, value: object, row_id: object) -> str:
    raw = json.dumps([sort, value, str(row_id)], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _open_cursor(text: str) -> tuple[object, object, str] | None:
    """Sort, value and id of a cursor, or None for what is none."""
    try:
        sort, value, row_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError):
        return None
    if not isinstance(row_id, str) or parse_id(row_id) is None:
        return None
    return sort, value, row_id
