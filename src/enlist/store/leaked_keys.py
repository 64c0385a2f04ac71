"""Keys that leaked, marked for good: what such a key makes is stopped, and is never revived (S06).

The mark comes in the transaction that stops their tokens, so that whoever frees one later, be it
that the command was broken off, is told that it is not his holder's alone.
"""

from __future__ import annotations

from typing import Final

from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Tx

MAKES_TOKEN: Final = """
    EXISTS (SELECT 1 FROM enrollment_secret made JOIN known_key k ON k.id = made.derive_key_id
             WHERE made.enrollment_id = enrollment.id AND made.generation = enrollment.generation
               AND k.leaked_at IS NOT NULL)
"""
"""Of a row of `enrollment`: whether a leaked key makes its present token."""

_MARK = Query(
    "leaked_key.mark",
    """
    UPDATE known_key SET leaked_at = :now
     WHERE purpose = :purpose AND id <> :fresh AND leaked_at IS NULL
    """,
)
_IDS = Query("leaked_key.ids", "SELECT id FROM known_key WHERE leaked_at IS NOT NULL")
_MAKES = Query(
    "leaked_key.makes",
    f"SELECT 1 AS found FROM enrollment WHERE enrollment.id = :id AND {MAKES_TOKEN}",
)
_COUNT = Query(
    "leaked_key.tokens",
    f"""
    SELECT count(*) AS found FROM enrollment
     WHERE enrollment.state IN ('active', 'on_hold') AND enrollment.deleted_at IS NULL
       AND enrollment.expires_at > :now AND {MAKES_TOKEN}
       AND EXISTS (SELECT 1 FROM known_key WHERE leaked_at IS NOT NULL)
    """,
)


def mark(tx: Tx, purpose: str, fresh: str) -> int:
    """Every key for a purpose has leaked but the fresh one; answers how many nobody knew of."""
    return tx.run(_MARK, purpose=purpose, fresh=fresh, now=tx.now)


def ids(tx: Reader) -> frozenset[str]:
    """The keys that are marked."""
    return frozenset(str(row["id"]) for row in tx.all(_IDS))


def makes_token(tx: Reader, enrollment_id: Id) -> bool:
    """Whether a leaked key makes the enrollment's present token."""
    return tx.one(_MAKES, id=enrollment_id) is not None


def tokens(tx: Reader) -> int:
    """How many tokens there are that a leaked key makes, and that are not over."""
    row = tx.one(_COUNT, now=tx.now)
    return 0 if row is None else int(row["found"])
