"""Lists: what the address says of one, and the addresses of its other views.

Search, filters, sort and page all stand in the address, so a view can be shared and Back works.
Pages follow each other by cursor, so the way back is kept in the address too, as the cursors of
the pages before, up to `_MOST_BACK` of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request

SIZES: Final = (25, 50, 100)
_DEFAULT_SIZE: Final = 25
_MOST_BACK: Final = 10
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list as its address describes it.

    Attributes:
        address: the list's own path.
        filters: the filters that are set, by name.
        sort: name of a sort, with `-` before it for downwards; "" for the list's own.
        number: which page this is, counted from 1.
        back: cursors of the pages before, the last one nearest; "" is the first page's.
    """

    address: str
    search: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    size: int = _DEFAULT_SIZE
    cursor: str = ""
    number: int = 1
    back: tuple[str, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many rows a page can have."""
        return SIZES

    @property
    def narrowed(self) -> bool:
        """Whether search or filters leave something out."""
        return bool(self.search or self.filters)

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments that every `List…` view takes."""
        return {
            "search": self.search,
            "filters": dict(self.filters),
            "sort": self.sort,
            "limit": self.size,
            "cursor": self.cursor,
        }

    @property
    def here(self) -> str:
        """The address of just this view, without anything empty."""
        return self._at(self.cursor, self.number, self.back)

    def link(self, **changes: str) -> str:
        """The address of the same list, changed, from its first page on.

        Args:
            changes: `q`, `sort`, `size` or a filter; "" takes one away.
        """
        parameters = self._parameters() | changes
        if parameters["size"] == str(_DEFAULT_SIZE):
            parameters["size"] = ""
        return self._with(parameters)

    def sorted_by(self, name: str, default: str = "") -> str:
        """The address that sorts by a column, the other way round if it does so already."""
        now = self.sort or default
        return self.link(sort=f"-{name}" if now == name else name)

    def direction(self, name: str, default: str = "") -> str:
        """How a column is sorted now, in the words of `aria-sort`."""
        now = self.sort or default
        return {name: "ascending", f"-{name}": "descending"}.get(now, "none")

    def next(self, cursor: str) -> str:
        """The address of the page after this one."""
        way = (*self.back, self.cursor)[-_MOST_BACK:]
        return self._at(cursor, self.number + 1, way)

    @property
    def previous(self) -> str | None:
        """The address of the page before this one; None on the first."""
        if self.number == 1:
            return None
        if not self.back:
            return self.link()
        return self._at(self.back[-1], self.number - 1, self.back[:-1])

    def _at(self, cursor: str, number: int, back: Sequence[str]) -> str:
        place = {"cursor": cursor, "page": str(number) if number > 1 else ""}
        # A dot stands for the first page, which has no cursor.
        return self._with(self._parameters() | place | {"back": "~".join(c or "." for c in back)})

    def _parameters(self) -> dict[str, str]:
        size = str(self.size) if self.size != _DEFAULT_SIZE else ""
        return {"q": self.search, **self.filters, "sort": self.sort, "size": size}

    def _with(self, parameters: Mapping[str, str]) -> str:
        asked = urlencode({name: value for name, value in parameters.items() if value})
        return self.address + (f"?{asked}" if asked else "")


def read_query(request: Request, filters: Sequence[str] = ()) -> ListQuery:
    """What a list's address asks for; what it cannot mean is left out."""
    given = request.query_params

    def text(name: str) -> str:
        return given.get(name, "").strip()[:_LONGEST]

    number = int(text("page")) if text("page").isdecimal() else 1
    cursor = given.get("cursor", "")[:1000]
    size = int(text("size")) if text("size").isdecimal() else _DEFAULT_SIZE
    back = given.get("back", "").split("~") if given.get("back") else []
    return ListQuery(
        address=request.url.path,
        search=text("q"),
        filters={name: text(name) for name in filters if text(name)},
        sort=text("sort"),
        size=size if size in SIZES else _DEFAULT_SIZE,
        cursor=cursor,
        number=max(1, number) if cursor else 1,
        back=tuple("" if c == "." else c for c in back)[-_MOST_BACK:] if cursor else (),
    )
