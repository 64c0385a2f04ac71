"""Rows sent to a real PostgreSQL by keys, and what it made of them."""

from __future__ import annotations

from collections.abc import Sequence

from enlist.store.postgres import PostgresStore
from enlist.store.tx import Query, SetQuery

EVERYTHING = SetQuery(
    "test.everything",
    "id uuid, name text, data bytea, size bigint, small integer",
    "SELECT id, name, data, size, small FROM asked",
)

TAKE = Query(
    "test.take",
    "",
    postgres="INSERT INTO throttle (source, window_ends_at, refused) VALUES (:source, 1, 1)",
)

ID = "01983f5e-8a0b-7c3d-9e4f-a1b2c3d4e5f6"

FULL = {
    "id": ID,
    "name": 'Zoë "the {1,2}" \\ NULL',
    "data": bytes(range(256)),
    "size": -(2**63),
    "small": 2**31 - 1,
}


def asked(store: PostgresStore, rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """What the server made of these rows."""
    found = store.read(lambda tx: tx.each(EVERYTHING, rows), by_keys=True)
    return [dict(row) for row in found]
