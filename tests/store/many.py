"""A store filled with many rows, and its lists read page by page."""

from __future__ import annotations

from functools import partial

from enlist.store import enrollment_status
from enlist.store.listing import Page, PageRequest
from tests.installation import Enlist
from tests.store.raw import Raw

MANY = 100_000

COUNTED_ID = {
    "sqlite": "printf('%08x-0000-7000-8000-%012x', i, i)",
    "postgres": "CAST(lpad(to_hex(i), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(i), 12, '0') "
    "AS uuid)",
}


def multiply(enlist: Enlist, raw: Raw) -> None:
    """100,000 enrollments, copies of the only one: every tenth of them live."""
    enlist.register("ada")
    columns = list(enlist.rows("enrollment")[0])
    values = {
        "id": COUNTED_ID[enlist.store.dialect],
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
