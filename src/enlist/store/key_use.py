"""Which key guards how much that is still alive (S06).

A key may go when nothing that is alive needs it. What was used, revoked or ran out does not count:
its holder then hears that his token is unknown, instead of that it is over.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from enlist.store.tx import Query, Reader

_SPENT: Final = frozenset({"lookup", "derive"})
"""Purposes whose old keys may go once nothing alive needs them; others verify what is old."""

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
        UNION ALL
        SELECT derive_key_id, count(*) FROM second_factor GROUP BY derive_key_id
        UNION ALL
        SELECT lookup_key_id, count(*) FROM recovery_code WHERE used_at IS NULL
         GROUP BY lookup_key_id
        UNION ALL
        SELECT lookup_key_id, count(*) FROM password_link
         WHERE used_at IS NULL AND expires_at > :now GROUP BY lookup_key_id
        UNION ALL
        SELECT derive_key_id, count(*) FROM password_link
         WHERE used_at IS NULL AND expires_at > :now GROUP BY derive_key_id
        UNION ALL
        SELECT derive_key_id, count(*) FROM webhook WHERE deleted_at IS NULL GROUP BY derive_key_id
        UNION ALL
        SELECT lookup_key_id, count(*) FROM passcode
         WHERE state = 'active' OR (state = 'overlapping' AND ends_at > :now)
         GROUP BY lookup_key_id
        UNION ALL
        SELECT derive_key_id, count(*) FROM passcode
         WHERE derive_key_id <> ''
           AND (state = 'active' OR (state = 'overlapping' AND ends_at > :now))
         GROUP BY derive_key_id
        UNION ALL
        SELECT l.lookup_key_id, count(*)
          FROM one_time_login l JOIN enrollment e ON e.id = l.enrollment_id
         WHERE e.generation = l.generation AND e.state IN ('active', 'on_hold')
           AND e.expires_at > :now AND e.deleted_at IS NULL
         GROUP BY l.lookup_key_id
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
        alive: live tokens and one-time credentials, API keys, sign-ins, attempts, webhooks, second
            factors, company passcodes, unused recovery codes and password links that need it.
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


def lost(tx: Reader, held: Collection[str]) -> list[KnownKey]:
    """The keys that are not among `held` and must be, by id.

    That is the newest for a purpose, and any that guards something alive; an old one that guards
    nothing any more may be gone.
    """
    if all(row["id"] in held for row in tx.all(_KNOWN)):
        return []  # nearly always, and counting what is alive takes its time
    every = known(tx)
    newest = {key.purpose: key.id for key in every}  # the last of each purpose, as they are sorted

    def may_be_gone(key: KnownKey) -> bool:
        return key.purpose in _SPENT and key.id != newest[key.purpose] and not key.alive

    found = (key for key in every if key.id not in held and not may_be_gone(key))
    return sorted(found, key=lambda key: key.id)
