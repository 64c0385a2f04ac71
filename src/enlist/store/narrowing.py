"""What may fit a request, asked of an index before a list is read.

A list is read in its order until a page is full. That is quick where much fits, and reads all of it
where little does. So what narrows it - a search, a filter, an organization - is asked for first, by
an index of its own and for no more than `FEW` ids. Where there are no more, the list is read by
them; where there are, a page of it is soon full.

The ids are a hint, and may be too many: each row still has to meet every condition of the request,
so the list is the same with them and without. What is hidden from somebody stays hidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from enlist.store.tx import Query, Reader

FEW: Final = 5_000
"""Up to how many rows are looked at one by one. Where more of a million fit, a page of fifty is
full after 10,000 of them, unless they lie together at the far end."""


class Searching(StrEnum):
    """How a text is looked for."""

    NOT = "not"
    BEGINS = "begins"
    ANYWHERE = "anywhere"


@dataclass(frozen=True, slots=True)
class Searched:
    """A text by which rows of a long list are found.

    Attributes:
        shown: the text in the list's own statement, in lower case and never NULL.
        key: the same text of the table `n`, as an index has it.
        found: statement of the rows' ids, up to its WHERE.
        where: condition of that statement; "" for none.
        folded: whether both are case-folded, as `str.casefold` does; else they are in lower case.
        begins: whether it is found by how it begins; else only where nothing else is found.
    """

    shown: str
    key: str
    found: str
    where: str = ""
    folded: bool = False
    begins: bool = True

    def meets(self, text: str, how: Searching) -> str:
        """Condition that `text`, one of both, is what is searched for."""
        if how is Searching.ANYWHERE:
            return f"{text} LIKE :search ESCAPE '!'"
        value = "folded" if self.folded else "prefix"
        return f"""({text} COLLATE "C" >= :{value} AND {text} COLLATE "C" < :{value}_end)"""

    def ids(self, how: Searching) -> str:
        """Statement of the ids of the rows that may fit."""
        meets = self.meets(self.key, how)
        condition = f"{self.where} AND {meets}" if self.where else meets
        return f"{self.found} WHERE {condition}"


def by_owner(table: str) -> Searched:
    """Rows of a table, found by the name of whose they are: the user `u` of their list."""
    return Searched(
        "COALESCE(u.username_folded, '')",
        "n.username_folded",
        f"SELECT own.id FROM app_user n CROSS JOIN {table} own",
        where="own.user_id = n.id",
        folded=True,
    )


@dataclass(frozen=True, slots=True)
class Through:
    """An order by what another table holds, which is read in it and brings the list's rows.

    Attributes:
        key: what is sorted by, as an index of that table has it; never "".
        swapped: parts of the list's statement, and what stands there instead.
        belongs: condition of the list's rows that belong to a row of that table.
        alone: condition of those that belong to none. They sort as "".
    """

    key: str
    swapped: Mapping[str, str]
    belongs: str
    alone: str

    def read(self, select: str) -> str:
        """The list's statement, beginning with the other table.

        Raises:
            ValueError: it lacks a part, so it would be read in another order than it is sorted.
        """
        for plain, instead in self.swapped.items():
            if plain not in select:
                raise ValueError(f"the statement does not have {plain!r}")
            select = select.replace(plain, instead)
        return f"{select} AND {self.belongs}"


class Part(StrEnum):
    """Which rows of a list a statement reads."""

    ALL = "all"
    ALONE = "alone"
    THROUGH = "through"


def parts(descending: bool, after: object | None) -> list[tuple[Part, bool]]:
    """What is read one after the other in an order through another table, and of which the rows
    are read on after a cursor, whose value this is."""
    order = [Part.THROUGH, Part.ALONE] if descending else [Part.ALONE, Part.THROUGH]
    if after is None:
        return [(part, False) for part in order]
    first = order.index(Part.THROUGH if after else Part.ALONE)
    return [(part, part is order[first]) for part in order[first:]]


class Narrowing:
    """What a list can be narrowed by.

    Args:
        name: of the list.
        table: whose rows have an organization, by which they are found.
        searched: texts, of which each is asked.
        few: by filter and value, "" for any: statement of the ids that may meet it.
    """

    def __init__(
        self,
        name: str,
        table: str,
        searched: Sequence[Searched] = (),
        few: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.searched = searched
        self._searches = {
            how: _of_ids(f"{name}.{how}", [each.ids(how) for each in asked])
            for how, asked in (
                (Searching.BEGINS, [each for each in searched if each.begins]),
                (Searching.ANYWHERE, searched),
            )
            if asked
        }
        self._few = {
            (filtered, value): _of_ids(f"{name}.{filtered}.{value}", [text])
            for filtered, values in (few or {}).items()
            for value, text in values.items()
        }
        self._place = _of_ids(
            f"{name}.place",
            [
                f"""SELECT own.id FROM organization place CROSS JOIN {table} own
                     WHERE own.organization_id = place.id
                       AND place.path >= :path AND place.path < :path_end"""
            ],
        )

    def few(
        self, tx: Reader, how: Searching, filters: Mapping[str, str], values: Mapping[str, object]
    ) -> list[str] | None:
        """The ids of all that may fit, where something leaves only a few; else None."""
        for query in self._asked(how, filters, str(values["path"])):
            given = {name: values[name] for name in query.parameters - {"few"}}
            found = tx.bare(query, few=FEW + 1, **given)
            if len(found) <= FEW:
                return list(dict.fromkeys(str(row[0]) for row in found if row[0] is not None))
        return None

    def _asked(self, how: Searching, filters: Mapping[str, str], path: str) -> Iterator[Query]:
        if how in self._searches:
            yield self._searches[how]
        for chosen in filters.items():
            found = self._few.get(chosen) or self._few.get((chosen[0], ""))
            if found is not None:
                yield found
        if path.count("/") > 1:  # all of it would be no few
            yield self._place


def _of_ids(name: str, found: Sequence[str]) -> Query:
    arms = "\nUNION ALL\n".join(found)
    return Query(f"narrow.{name}", f"SELECT id FROM ({arms}) AS found LIMIT :few")
