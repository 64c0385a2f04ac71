"""Lists stay right when there is much to list; how quick they are is measured in `make bench`."""

from __future__ import annotations

from functools import partial
from typing import Any

from enlist.store import enrollment_status
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import Reader, Row, Statement
from tests.installation import Enlist
from tests.store.raw import Raw

MANY = 100_000
_ID = {
    "sqlite": "printf('%08x-0000-7000-8000-%012x', i, i)",
    "postgres": "CAST(lpad(to_hex(i), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(i), 12, '0') "
    "AS uuid)",
}


WALKED = {
    "sqlite": " e USING INDEX sqlite_autoindex_enrollment_1",
    "postgres": "Index Scan Backward using enrollment_pkey on enrollment e",
}
"""In a plan: rows are taken in the order of their age until there are fifty."""


def multiply(enlist: Enlist, raw: Raw) -> None:
    """100,000 enrollments, copies of the only one: every tenth of them live."""
    enlist.register("ada")
    columns = list(enlist.rows("enrollment")[0])
    values = {
        "id": _ID[enlist.store.dialect],
        "device_id": "NULL",
        "state": "CASE WHEN i % 10 = 0 THEN 'active' ELSE 'revoked' END",
    }
    chosen = ", ".join(values.get(name, f"one.{name}") for name in columns)
    raw.execute(
        f"""
        INSERT INTO enrollment ({", ".join(columns)})
        WITH RECURSIVE counted(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted
                                       WHERE i < {MANY})
        SELECT {chosen} FROM (SELECT * FROM enrollment LIMIT 1) AS one, counted
        """
    )
    raw.execute("ANALYZE")


def pages(enlist: Enlist) -> dict[str, PageRequest]:
    """Every way to look at the list: its first page and a far one, filtered, searched, sorted."""
    path = enlist.root.path
    far = PageRequest(path, limit=500)
    for _ in range(20):
        page = enlist.store.read(partial(enrollment_status.page, request=far))
        assert isinstance(page, Page)
        far = PageRequest(path, limit=500, cursor=page.next_cursor or "")
    asked = {
        "first": PageRequest(path),
        "far": PageRequest(path, cursor=far.cursor),
        "live": PageRequest(path, filters={"state": "active"}),
        "of one user": PageRequest(path, search="ada"),
    }
    for sort in ("issued_at", "expires_at", "user", "device", "state"):
        for sign in ("", "-"):
            asked[f"sorted by {sign}{sort}"] = PageRequest(path, sort=f"{sign}{sort}")
    return asked


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


def explained(enlist: Enlist, request: PageRequest) -> str:
    """How a page is found, with the values of the request."""

    def ask(tx: Reader) -> str:
        reader: Any = Explaining(tx)
        enrollment_status.page(reader, request)
        return str(reader.plan)

    return enlist.store.read(ask)
