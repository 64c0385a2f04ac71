"""Enrollments that ran out unused, in the order in which they did.

*Expired* is no state that is stored. How far the log was told is: a place in time, which whoever
tells moves on. Whoever tells, and whoever makes active what may lie behind that place, is alone
while he does.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.core.outcomes import Subjects
from enlist.store.tx import Query, Reader, Row, Tx

_PLACE = "expiry_told p"
_FURTHER = f"""
      FROM enrollment e CROSS JOIN {_PLACE}
     WHERE e.state = 'active' AND e.expires_at <= :now AND e.expires_at >= p.expires_at
       AND (e.expires_at > p.expires_at OR e.id > p.enrollment_id)
"""
_ALONE = Query(
    "expiry.alone",
    "SELECT 1 AS alone",  # SQLite has one writer anyway
    postgres="SELECT pg_advisory_xact_lock(5020911061174603891) AS alone",
)
_DUE = Query("expiry.due", f"SELECT e.id {_FURTHER} LIMIT 1")
_NEXT = Query(
    "expiry.next",
    f"""
    SELECT ended.id, ended.expires_at, ended.generation, ended.organization_id, ended.user_id,
           ended.device_id, COALESCE(u.username, '') AS username,
           COALESCE(d.name, '') AS device_name
      FROM (SELECT e.id, e.expires_at, e.generation, e.organization_id, e.user_id, e.device_id
            {_FURTHER} ORDER BY e.expires_at, e.id LIMIT :limit) AS ended
      LEFT JOIN app_user u ON u.id = ended.user_id
      LEFT JOIN device d ON d.id = ended.device_id
     ORDER BY ended.expires_at, ended.id
    """,
)
_MOVE = Query(
    "expiry.move", "UPDATE expiry_told SET expires_at = :expires_at, enrollment_id = :enrollment_id"
)
_PASSED = Query(
    "expiry.passed",
    f"""
    SELECT 1 AS found FROM {_PLACE}
     WHERE p.expires_at > :expires_at
        OR (p.expires_at = :expires_at AND p.enrollment_id >= :enrollment_id)
    """,
)


@dataclass(frozen=True, slots=True)
class Expired:
    """An enrollment whose token ran out."""

    id: Id
    expires_at: int
    generation: int
    about: Subjects
    username: str
    device_name: str


def due(tx: Reader) -> bool:
    """Whether one ran out of which the log was not told."""
    return tx.one(_DUE, now=tx.now) is not None


def further(tx: Tx, limit: int) -> list[Expired]:
    """The next that ran out, of which the log is to be told in this transaction."""
    tx.one(_ALONE)
    found = [_expired(row) for row in tx.all(_NEXT, now=tx.now, limit=limit)]
    if found:
        tx.run(_MOVE, expires_at=found[-1].expires_at, enrollment_id=found[-1].id)
    return found


def passed(tx: Tx, enrollment_id: Id, expires_at: int) -> bool:
    """Whether nobody will tell of one that ran out then, because those of that time were told."""
    tx.one(_ALONE)
    found = tx.one(_PASSED, enrollment_id=enrollment_id, expires_at=expires_at)
    return found is not None


def _expired(row: Row) -> Expired:
    about = Subjects(row["organization_id"], row["user_id"], row["device_id"], row["id"])
    return Expired(
        id=row["id"],
        expires_at=row["expires_at"],
        generation=row["generation"],
        about=about,
        username=row["username"],
        device_name=row["device_name"],
    )
