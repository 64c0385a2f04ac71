"""What the database knows of the installation it belongs to: its id, and which keys it needs.

Keys live outside the database. So that nobody starts a populated database with fresh keys, and
finds every token dead, the database names the ids of the keys that made its rows (ruling 32).
"""

from __future__ import annotations

from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Tx

_ID = Query("installation.id", "SELECT id FROM installation")
_CREATE = Query(
    "installation.create", "INSERT INTO installation (id, created_at) VALUES (:id, :now)"
)
_KEYS = Query("installation.keys", "SELECT id, purpose FROM known_key")
_ADD_KEY = Query(
    "installation.add_key",
    """
    INSERT INTO known_key (id, purpose, known_since) VALUES (:id, :purpose, :now)
    ON CONFLICT DO NOTHING
    """,
)
_FORGET_AFTER = Query(
    "installation.forget_after", "DELETE FROM known_key WHERE purpose = :purpose AND id > :id"
)


def installation_id(tx: Reader) -> Id | None:
    """The installation's id; None before the first start."""
    row = tx.one(_ID)
    return None if row is None else str(row["id"])


def create(tx: Tx, installation: Id) -> None:
    """Begin an installation on an empty database."""
    tx.run(_CREATE, id=installation, now=tx.now)


def known_keys(tx: Reader) -> dict[Id, str]:
    """Ids of the keys that this database needs, and what each is for."""
    return {row["id"]: row["purpose"] for row in tx.all(_KEYS)}


def add_key(tx: Tx, key_id: str, purpose: str) -> None:
    """From now on this database needs that key."""
    tx.run(_ADD_KEY, id=key_id, purpose=purpose, now=tx.now)


def forget_keys_after(tx: Tx, key_id: str, purpose: str) -> None:
    """Keys that were to begin later than this one are not needed any more."""
    tx.run(_FORGET_AFTER, id=key_id, purpose=purpose)
