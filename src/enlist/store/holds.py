"""Holding: what was active waits for somebody to look, and is freed one by one (ruling 35, S26).

The moves themselves are statements like those of `enrollments`; they stand here because they are
the only ones that move everything at once.
"""

from __future__ import annotations

from enlist.core.ids import Id
from enlist.store import password_links
from enlist.store.leaked_keys import MAKES_TOKEN
from enlist.store.tx import Query, Reader, Tx

_HOLD_ALL = Query(
    "enrollment.hold_all",
    "UPDATE enrollment SET state = 'on_hold' WHERE state = 'active' AND deleted_at IS NULL",
)
_HOLD_DERIVED = Query(
    "enrollment.hold_derived",
    # A token that expired is dead already: its holder shall go on hearing that it expired.
    """
    UPDATE enrollment SET state = 'on_hold'
     WHERE state = 'active' AND deleted_at IS NULL AND expires_at > :now
       AND EXISTS (SELECT 1 FROM enrollment_secret s
                    WHERE s.enrollment_id = enrollment.id
                      AND s.generation = enrollment.generation
                      AND s.derive_key_id <> :derive_key_id)
    """,
)
_REACTIVATE = Query(
    "enrollment.reactivate",
    f"""
    UPDATE enrollment SET state = 'active'
     WHERE id = :id AND state = 'on_hold' AND deleted_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM enrollment other
                        WHERE other.device_id = enrollment.device_id
                          AND other.state = 'active')
       AND NOT EXISTS (SELECT 1 FROM device d
                        WHERE d.id = enrollment.device_id AND d.state <> 'registered')
       AND NOT {MAKES_TOKEN}
    """,
)
_HELD = Query(
    "enrollment.held",
    """
    SELECT e.id FROM enrollment e
     WHERE e.state = 'on_hold' AND e.deleted_at IS NULL AND e.id > :after
     ORDER BY e.id LIMIT :limit
    """,
)
_HELD_DERIVED = Query(
    "enrollment.held_derived",
    """
    SELECT e.id FROM enrollment e
     WHERE e.state = 'on_hold' AND e.deleted_at IS NULL AND e.id > :after
       AND EXISTS (SELECT 1 FROM enrollment_secret s
                    WHERE s.enrollment_id = e.id AND s.generation = e.generation
                      AND s.derive_key_id <> :derive_key_id)
     ORDER BY e.id LIMIT :limit
    """,
)
_RESTORES = Query(
    "event.restores", "SELECT count(*) AS found FROM event WHERE kind = 'installation.restored'"
)
_END_SIGN_INS = Query(
    "sign_in.end_everywhere", "UPDATE sign_in SET ended_at = :now WHERE ended_at IS NULL"
)
_END_ATTEMPTS = Query(
    "attempt.cancel_everywhere",
    "UPDATE attempt SET state = 'cancelled', ended_at = :now WHERE state = 'open'",
)
_END_LINKS = Query(
    "setup_link.end_all", "UPDATE setup_link SET used_at = :now WHERE used_at IS NULL"
)


def hold_all(tx: Tx) -> int:
    """Put whatever is active on hold, expired or not; answer how many."""
    return tx.run(_HOLD_ALL)


def hold_derived_otherwise(tx: Tx, derive_key_id: str) -> int:
    """Put on hold what has a live token of any other derivation key; answer how many."""
    return tx.run(_HOLD_DERIVED, derive_key_id=derive_key_id, now=tx.now)


def reactivate(tx: Tx, enrollment_id: Id) -> bool:
    """Free one; False when it is not on hold, its device has another live one or is enrolled, or a
    leaked key makes its token.
    """
    return tx.run(_REACTIVATE, id=enrollment_id) == 1


def held(tx: Reader, after: Id, limit: int) -> list[Id]:
    """What is on hold, oldest first, a page at a time."""
    return [str(row["id"]) for row in tx.all(_HELD, after=after, limit=limit)]


def held_derived_otherwise(tx: Reader, derive_key_id: str, after: Id, limit: int) -> list[Id]:
    """What is on hold with a token of any other derivation key, a page at a time."""
    found = tx.all(_HELD_DERIVED, derive_key_id=derive_key_id, after=after, limit=limit)
    return [str(row["id"]) for row in found]


def end_attempts(tx: Tx) -> int:
    """End every half-finished attempt; answer how many."""
    return tx.run(_END_ATTEMPTS, now=tx.now)


def end_what_people_hold(tx: Tx) -> int:
    """End every sign-in, half-finished attempt and one-time link; answer how many sign-ins."""
    end_attempts(tx)
    tx.run(_END_LINKS, now=tx.now)
    password_links.end_all(tx)
    return tx.run(_END_SIGN_INS, now=tx.now)


def restores(tx: Reader) -> int:
    """How often this installation was restored, by its own log."""
    row = tx.one(_RESTORES)
    return 0 if row is None else int(row["found"])
