"""Offboardings that are planned: one for a user at most, until it is carried out or cancelled.

Whoever takes the row away is the one who carries it out: of several processes, one.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Row, Tx

_COLUMNS = "SELECT p.user_id, p.due_at, p.planned_at, p.reason FROM offboarding p"
_FIND = Query("offboarding.find", f"{_COLUMNS} WHERE p.user_id = :user_id")
_DUE = Query("offboarding.due", f"{_COLUMNS} WHERE p.due_at <= :now ORDER BY p.due_at LIMIT :limit")
_PUT = Query(
    "offboarding.put",
    """
    INSERT INTO offboarding (user_id, due_at, planned_at) VALUES (:user_id, :due_at, :now)
    ON CONFLICT (user_id) DO UPDATE
       SET due_at = excluded.due_at, planned_at = excluded.planned_at, reason = ''
    """,
)
_DROP = Query("offboarding.drop", "DELETE FROM offboarding WHERE user_id = :user_id")
_TAKE = Query(
    "offboarding.take",
    "DELETE FROM offboarding WHERE user_id = :user_id AND due_at = :due_at AND due_at <= :now",
)
_HELD_UP = Query(
    "offboarding.held_up",
    """
    UPDATE offboarding SET reason = :reason
     WHERE user_id = :user_id AND due_at = :due_at AND reason = ''
    """,
)


@dataclass(frozen=True, slots=True)
class Planned:
    """When somebody is to be offboarded; `reason` is why it could not be done, "" for nothing."""

    user_id: Id
    due_at: int
    planned_at: int
    reason: str


def find(tx: Reader, user_id: Id) -> Planned | None:
    """What is planned for a user."""
    row = tx.one(_FIND, user_id=user_id)
    return None if row is None else _planned(row)


def due(tx: Reader, limit: int) -> list[Planned]:
    """What is to be carried out now, the oldest first."""
    return [_planned(row) for row in tx.all(_DUE, now=tx.now, limit=limit)]


def put(tx: Tx, user_id: Id, due_at: int) -> None:
    """Plan it, or plan it for another time."""
    tx.run(_PUT, user_id=user_id, due_at=due_at, now=tx.now)


def drop(tx: Tx, user_id: Id) -> bool:
    """It is planned no more; False where it was not."""
    return tx.run(_DROP, user_id=user_id) == 1


def take(tx: Tx, user_id: Id, due_at: int) -> bool:
    """Take it up; False where somebody else did, or it was cancelled or put off."""
    return tx.run(_TAKE, user_id=user_id, due_at=due_at, now=tx.now) == 1


def held_up(tx: Tx, user_id: Id, due_at: int, reason: str) -> bool:
    """It cannot be carried out; True the first time."""
    return tx.run(_HELD_UP, user_id=user_id, due_at=due_at, reason=reason) == 1


def _planned(row: Row) -> Planned:
    return Planned(row["user_id"], row["due_at"], row["planned_at"], row["reason"])
