"""Lists: search, filters, one sort, and pages that stay put while rows are added (keyset).

A `Listing` is declared with fixed SQL fragments; a request only chooses among them, and every
value is a parameter. A cursor is the sort value and id of the last row shown, so page 1,000
costs what page 1 costs (P18). A long list says by what it can be narrowed (`narrowing`).

A search finds what contains a text. In a long list it finds what begins with it, by index; and only
where nothing on the first page does, what contains it. The cursor keeps which of both it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Generic, TypeVar

from enlist.core.ids import Id
from enlist.core.outcomes import Refusal, invalid
from enlist.store.cursors import make_cursor, open_cursor
from enlist.store.narrowing import Narrowing, Part, Searched, Searching, Through, parts
from enlist.store.tx import QUERIES, Query, Reader, Row

T = TypeVar("T")

MOST_PER_PAGE: Final = 500
_LAST: Final = "\U0010ffff"
"""The last of all characters: what begins with a text comes before the text and this."""
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
        begins: find only what begins with it, also where that is nothing.
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
    begins: bool = False


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

    `narrowing` is of lists that grow long, and its texts are what is searched; `indexed` names the
    sorts in whose order an index of the list's own table stands, `through` those that another
    table's does.
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
        narrowing: Narrowing | None = None,
        indexed: tuple[str, ...] = (),
        through: Mapping[str, Through] | None = None,
    ) -> None:
        self.name = name
        self._select = select
        self._id = id
        self._path = path
        self.sorts = sorts
        self.filters = filters or {}
        self._search = search
        self._veil = veil or {}
        self._narrowing = narrowing
        self._indexed = indexed
        self.through = through or {}
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
        hows = self._ways(request)
        if request.cursor:
            after = self._after(request.cursor, sort)
            if after is None:
                return invalid("cursor", "is not a cursor from an earlier page of this list")
            values["after_value"], values["after_id"], anywhere = after
            hows = hows[-1:] if anywhere else hows[:1]
        rows: list[Row] = []
        for how in hows:
            rows = self._rows(tx, request, values, how, sort, descending)
            if rows:
                break
        shown = rows[: request.limit]
        cursor = None
        if len(rows) > request.limit:
            last = shown[-1]
            anywhere = how is Searching.ANYWHERE
            cursor = make_cursor(sort, last["sort_value"], last["sort_id"], anywhere=anywhere)
        return Page(tuple(make(row) for row in shown), cursor)

    def _ways(self, request: PageRequest) -> list[Searching]:
        """How to look for the text, each way only where the one before finds nothing."""
        if not request.search:
            return [Searching.NOT]
        if not self._searched:
            return [Searching.ANYWHERE]
        return [Searching.BEGINS] if request.begins else [Searching.BEGINS, Searching.ANYWHERE]

    def _rows(
        self,
        tx: Reader,
        request: PageRequest,
        values: Mapping[str, object],
        how: Searching,
        sort: str,
        descending: bool,
    ) -> list[Row]:
        ids, filters = None, {name: value for name, value in request.filters.items() if value}
        if self._narrowing is not None:
            ids = self._narrowing.few(tx, how, filters, values)
            if ids == []:
                return []
        veiled, read = request.people is not None, [(Part.ALL, bool(request.cursor))]
        if sort in self.through and ids is None and not veiled:
            read = parts(descending, values.get("after_value"))
        rows: list[Row] = []
        for part, following in read:
            query = self.query(
                sort,
                descending,
                tuple(sorted(filters)),
                searching=how,
                following=following,
                veiled=veiled,
                narrowed=ids is not None,
                part=part,
            )
            left = request.limit + 1 - len(rows)
            given = {**values, "ids": json.dumps(ids), "limit": left}
            rows += tx.all(query, **{k: v for k, v in given.items() if k in query.parameters})
            if len(rows) > request.limit:
                break
        return rows

    @property
    def _searched(self) -> Sequence[Searched]:
        return self._narrowing.searched if self._narrowing else ()

    def by_age(self, sort: str) -> bool:
        """Whether a sort follows the ids."""
        return self.sorts[sort] == self._id

    def walked(self, sort: str) -> bool:
        """Whether the list can be read in this order, without sorting it."""
        return self.by_age(sort) or sort in self._indexed

    def query(
        self,
        sort: str,
        descending: bool,
        filters: tuple[str, ...],
        *,
        searching: Searching,
        following: bool,
        veiled: bool = False,
        narrowed: bool = False,
        part: Part = Part.ALL,
    ) -> Query:
        """The statement for one combination; made once."""
        hides = veiled and bool(self._veil)
        chosen = (filters, searching, following, hides, narrowed, part)
        return _build(self.name, sort, descending, *chosen)

    def _after(self, cursor: str, sort: str) -> tuple[object, str, bool] | None:
        """Where the page before ended, and whether its text was looked for anywhere; or None for a
        cursor that is not this list's.

        A cursor comes from outside: one of another sort, or a made-up one, must not make the
        database compare text with a number. Sorts by a moment are called `..._at`.
        """
        opened = open_cursor(cursor)
        if opened is None or opened[0] != sort:
            return None
        _, value, row_id, anywhere = opened
        if self.by_age(sort):
            fits = value == row_id
        elif sort.endswith("_at"):
            fits = type(value) is int and abs(value) < 1 << 62
        else:
            fits = isinstance(value, str) and value.isprintable()
        return (value, row_id, anywhere) if fits else None

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
        searching: Searching,
        following: bool,
        veiled: bool,
        narrowed: str,
        part: Part,
    ) -> str:
        """SQL for one combination of the fixed fragments; `narrowed` are the ids to look at."""
        key, select = self._reading(sort, part)
        direction, sign = ("DESC", "<") if descending else ("ASC", ">")
        where = [f"{self._path} >= :path AND {self._path} < :path_end"]
        if part is Part.THROUGH and following:  # else the whole index is read up to there
            where.append(f"{key} {sign}= :after_value")
        where += [f"({self.filters[name]})" for name in filters]
        if narrowed:
            where.append(f"{self._id} {narrowed}")
        if searching is not Searching.NOT:
            where.append(f"({' OR '.join(self._fitting(searching))})")
        order = f"{key} {direction}, {self._id} {direction}"
        if key == self._id or part is Part.ALONE:
            order = f"{self._id} {direction}"
        if following and (key == self._id or part is Part.ALONE):
            where.append(f"{self._id} {sign} :after_id")
        elif following:
            where.append(f"({key}, {self._id}) {sign} (:after_value, :after_id)")
        select = select.replace(
            "SELECT ", f"SELECT {key} AS sort_value, {self._id} AS sort_id, ", 1
        )
        text = f"{select} AND {' AND '.join(where)} ORDER BY {order} LIMIT :limit"
        for plain, hidden in self._veil.items() if veiled else ():
            text = text.replace(plain, hidden)
        return text

    def _reading(self, sort: str, part: Part) -> tuple[str, str]:
        """What a part of the list is sorted by, and the statement that reads it."""
        if part is Part.ALL:
            return self.sorts[sort], self._select
        through = self.through[sort]
        if part is Part.ALONE:
            return self.sorts[sort], f"{self._select} AND {through.alone}"
        return through.key, through.read(self._select)

    def _fitting(self, how: Searching) -> Iterator[str]:
        for column in self._search:
            yield f"lower({column}) LIKE :search ESCAPE '!'"
        for each in self._searched:
            if each.begins or how is Searching.ANYWHERE:
                yield each.meets(each.shown, how)


@lru_cache(maxsize=2048)
def _build(
    name: str,
    sort: str,
    descending: bool,
    filters: tuple[str, ...],
    searching: Searching,
    following: bool,
    veiled: bool,
    narrowed: bool,
    part: Part,
) -> Query:
    kind = f"{searching}.{following}.{veiled}.{narrowed}.{part}"
    label = f"list.{name}.{sort}.{descending}.{'+'.join(filters)}.{kind}"
    QUERIES.pop(label, None)
    listing = LISTINGS[name]
    sqlite, postgres = (
        listing.text(
            sort, descending, filters, searching, following, veiled, among if narrowed else "", part
        )
        for among in (_AMONG_SQLITE, _AMONG_POSTGRES)
    )
    if listing.walked(sort) or narrowed or part is not Part.ALL:
        sqlite = _walked(sqlite)
    return Query(label, sqlite, postgres=postgres)


_AMONG_SQLITE: Final = "IN (SELECT given.value FROM json_each(:ids) AS given)"
_AMONG_POSTGRES: Final = """= ANY (ARRAY(
    SELECT CAST(given.value AS uuid)
      FROM json_array_elements_text(CAST(:ids AS json)) AS given(value)))"""
"""An array whose length the planner does not know, which it therefore takes for short: each is
looked up by its key, and nothing is read whole."""


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
        "prefix": request.search.lower(),
        "prefix_end": request.search.lower() + _LAST,
        "folded": request.search.casefold(),
        "folded_end": request.search.casefold() + _LAST,
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
