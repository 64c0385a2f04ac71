"""Lists stay right when there is much to list; how quick they are is measured in `make bench`."""

from __future__ import annotations

from functools import partial
from typing import Any

from enlist.store import enrollment_status
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import Reader, Row, Statement
from tests.installation import Enlist
from tests.store.many import multiply, pages
from tests.store.raw import Raw

WALKED = {
    "sqlite": " e USING INDEX sqlite_autoindex_enrollment_1",
    "postgres": "Index Scan Backward using enrollment_pkey on enrollment e",
}
"""In a plan: rows are taken in the order of their age until there are fifty."""


def test_a_page_of_100_000_enrollments(enlist: Enlist, raw: Raw) -> None:
    """X29: one list of all, its first page and a far one, filtered, searched and sorted."""
    multiply(enlist, raw)
    seen: dict[str, list[str]] = {}
    for name, request in pages(enlist).items():
        page = enlist.store.read(partial(enrollment_status.page, request=request))
        assert isinstance(page, Page)
        assert page.next_cursor
        seen[name] = [found.id for found in page.items]
        assert len(set(seen[name])) == 50, name
    assert seen["first"] == seen["sorted by -issued_at"] == sorted(seen["first"], reverse=True)
    assert seen["far"] == sorted(seen["far"], reverse=True)
    assert max(seen["far"]) < min(seen["first"])
    assert seen["sorted by issued_at"] == sorted(seen["sorted by issued_at"])
    for name, request in walked(enlist).items():
        plan = explained(enlist, request)
        assert WALKED[enlist.store.dialect] in plan, f"{name}:\n{plan}"
        assert "TEMP B-TREE FOR ORDER BY" not in plan.splitlines()[-1], f"{name}:\n{plan}"


def walked(enlist: Enlist) -> dict[str, PageRequest]:
    """Pages by age, filtered by what many have, or searched: found without sorting all (P18)."""
    path = enlist.root.path
    by_age = {name: one for name, one in pages(enlist).items() if "sorted" not in name}
    for name, value in (
        ("platform", "linux"),
        ("ownership", "none"),
        ("device_state", "registered"),
        ("token_status", "active"),
        ("token_type", "single_factor"),
        ("source", "command_line"),
        ("first_seen", "never"),
    ):
        by_age[name] = PageRequest(path, filters={name: value})
    return by_age


class Explaining:
    """A reader that keeps the plan of what it is asked, and finds nothing."""

    def __init__(self, tx: Reader) -> None:
        self._tx = tx
        self.now = tx.now
        self.plan = ""

    def all(self, query: Statement, /, **values: object) -> list[Row]:
        asked = Statement("explained", f"EXPLAIN QUERY PLAN {query.sqlite}")
        asked.postgres = f"EXPLAIN {query.postgres}"
        lines = [row.get("QUERY PLAN", row.get("detail")) for row in self._tx.all(asked, **values)]
        self.plan = "\n".join(map(str, lines))
        return []

    def bare(self, query: Statement, /, **values: object) -> list[tuple[Any, ...]]:
        return self._tx.bare(query, **values)


def explained(enlist: Enlist, request: PageRequest) -> str:
    """How a page is found, with the values of the request."""

    def ask(tx: Reader) -> str:
        reader: Any = Explaining(tx)
        enrollment_status.page(reader, request)
        return str(reader.plan)

    return enlist.store.read(ask)
