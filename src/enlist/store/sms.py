"""How many SMS an organization has queued today: one row per organization and day (UTC).

They cost money, so there is a most. The statement that counts one is the one that refuses, so that
no number of requests at once gets beyond it.
"""

from __future__ import annotations

from typing import Final

from enlist.core.clock import DAY
from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Tx

_KEPT: Final = 7
"""Days."""

_TAKE = Query(
    "sms.take",
    """
    INSERT INTO sms_day (organization_id, day, queued) VALUES (:organization_id, :day, 1)
    ON CONFLICT (organization_id, day) DO UPDATE SET queued = sms_day.queued + 1
     WHERE sms_day.queued < :most
    """,
)
_BUSIEST = Query(
    "sms.busiest",
    """
    SELECT s.organization_id, o.path, s.queued
      FROM sms_day s JOIN organization o ON o.id = s.organization_id
     WHERE s.day = :day AND o.deleted_at IS NULL ORDER BY s.queued DESC LIMIT 200
    """,
)
_SWEEP = Query("sms.sweep", "DELETE FROM sms_day WHERE day < :day")


def take(tx: Tx, organization_id: Id, most: int) -> bool:
    """Count one more today; False where there were as many as there may be."""
    if most <= 0:
        return False
    day = tx.now // DAY
    return tx.run(_TAKE, organization_id=organization_id, day=day, most=most) == 1


def busiest(tx: Reader) -> list[tuple[Id, str, int]]:
    """The organizations that queued most today: id, path, how many."""
    rows = tx.all(_BUSIEST, day=tx.now // DAY)
    return [(row["organization_id"], row["path"], row["queued"]) for row in rows]


def sweep(tx: Tx) -> int:
    """Forget days that are over; answers how many rows."""
    return tx.run(_SWEEP, day=tx.now // DAY - _KEPT)
