"""Logins beside a two-factor token: ten wrong ones end it (ruling 26).

Each is counted before the password is compared, and given back where it was right: guesses at the
same moment cannot exceed the number (S18).
"""

from __future__ import annotations

from typing import Final

from enlist.core.ids import Id
from enlist.store.tx import Query, Tx

MOST: Final = 10
"""Wrong logins on one two-factor token before it is revoked."""

_TAKE = Query(
    "enrollment.take_login",
    """
    UPDATE enrollment SET wrong_logins = wrong_logins + 1
     WHERE id = :id AND wrong_logins < :most
    """,
)
_GIVE_BACK = Query(
    "enrollment.give_back_login",
    "UPDATE enrollment SET wrong_logins = wrong_logins - 1 WHERE id = :id AND wrong_logins > 0",
)
_CLEAR = Query(
    "enrollment.clear_logins",
    """
    UPDATE enrollment SET wrong_logins = 0
     WHERE id = :id AND state = 'active' AND wrong_logins = :seen
    """,
)
_REVOKE = Query(
    "enrollment.too_many_logins",
    """
    UPDATE enrollment
       SET state = 'revoked', ended_at = :now, end_reason = 'too_many_attempts'
     WHERE id = :id AND state = 'active' AND wrong_logins >= :most
    """,
)


def take(tx: Tx, enrollment_id: Id) -> bool:
    """Count a login on a two-factor token before it is looked at; False when none is left."""
    return tx.run(_TAKE, id=enrollment_id, most=MOST) == 1


def give_back(tx: Tx, enrollment_id: Id) -> None:
    """The login was right."""
    tx.run(_GIVE_BACK, id=enrollment_id)


def revoke_if_outguessed(tx: Tx, enrollment_id: Id) -> bool:
    """Revoke a token on which every allowed login was wrong (ruling 26)."""
    return tx.run(_REVOKE, id=enrollment_id, now=tx.now, most=MOST) == 1


def clear(tx: Tx, enrollment_id: Id, seen: int) -> bool:
    """Forget the wrong logins on a live token; False where there are not as many as were seen."""
    return tx.run(_CLEAR, id=enrollment_id, seen=seen) == 1
