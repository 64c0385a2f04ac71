"""Which key guards how much that is still alive (S06).

A key may go when nothing that is alive needs it. What was used, revoked or ran out does not count:
its holder then hears that his token is unknown, instead of that it is over.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.store.tx import Query, Reader

_TOKENS = """
      FROM enrollment_secret s JOIN enrollment e ON e.id = s.enrollment_id
     WHERE e.generation = s.generation AND e.state IN ('active', 'on_hold')
       AND e.expires_at > :now AND e.deleted_at IS NULL
"""
_ALIVE = Query(
    "key_use.alive",
    f"""
    SELECT key_id, sum(found) AS found FROM (
        SELECT s.lookup_key_id AS key_id, count(*) AS found {_TOKENS} GROUP BY s.lookup_key_id
        UNION ALL
        SELECT s.derive_key_id, count(*) {_TOKENS} GROUP BY s.derive_key_id
        UNION ALL
        SELECT lookup_key_id, count(*) FROM api_key
         WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
         GROUP BY lookup_key_id
        UNION ALL
        SELECT lookup_key_id, count(*) FROM sign_in
         WHERE ended_at IS NULL AND expires_at > :now GROUP BY lookup_key_id
        UNION ALL
        SELECT lookup_key_id, count(*) FROM attempt
         WHERE state = 'open' AND expires_at > :now GROUP BY lookup_key_id
    ) AS each_table GROUP BY key_id
    """,
)
_KNOWN = Query(
    "key_use.known", "SELECT id, purpose, known_since FROM known_key ORDER BY purpose, id"
)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that the database names.

    Attributes:
        known_since: microseconds UTC.
        alive: live tokens, API keys, sign-ins and attempts that need it.
    """

    id: str
    purpose: str
    known_since: int
    alive: int


def known(tx: Reader) -> list[KnownKey]:
    """Every key that was ever made for this database, and what it guards now."""
    alive = {row["key_id"]: int(row["found"]) for row in tx.all(_ALIVE, now=tx.now)}
    return [
        KnownKey(row["id"], row["purpose"], row["known_since"], alive.get(row["id"], 0))
        for row in tx.all(_KNOWN)
    ]
