"""Signed checkpoints of the log, as they are kept in the database. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Iterator

from enlist.store.lanes import Store
from enlist.store.tx import Query, Reader, Row, Tx

_ADD = Query(
    "checkpoint.add",
    """
    INSERT INTO checkpoint (size, key_id, made_at, note) VALUES (:size, :key_id, :made_at, :note)
    ON CONFLICT DO NOTHING
    """,
)
_NEWEST = Query(
    "checkpoint.newest",
    "SELECT key_id, note FROM checkpoint ORDER BY size DESC, made_at DESC LIMIT 1",
)
_PAGE = Query(
    "checkpoint.page",
    """
    SELECT size, key_id, note FROM checkpoint
     WHERE size > :size OR (size = :size AND key_id > :key_id)
     ORDER BY size, key_id LIMIT 500
    """,
)


def add(tx: Tx, size: int, key_id: str, note: str, made_at: int) -> bool:
    """Keep a checkpoint; False where there is one of that size by that key."""
    return tx.run(_ADD, size=size, key_id=key_id, made_at=made_at, note=note) == 1


def newest(tx: Reader) -> tuple[str, str] | None:
    """The one of the longest log: the id of its key, and the note."""
    row = tx.one(_NEWEST)
    return None if row is None else (str(row["key_id"]), str(row["note"]))


def every(store: Store) -> Iterator[str]:
    """All notes, those of the shortest log first. Reads page by page."""
    size, key_id = -1, ""

    def page(tx: Reader) -> list[Row]:
        return tx.all(_PAGE, size=size, key_id=key_id)

    while rows := store.read(page):
        for row in rows:
            yield str(row["note"])
        size, key_id = int(rows[-1]["size"]), str(rows[-1]["key_id"])
