"""Recovery: whom to tell when a way in is made at the machine itself."""

from __future__ import annotations

import json
from dataclasses import dataclass

from enlist.core.clock import MINUTE
from enlist.core.ids import Id, least_id
from enlist.store.tx import Query, Reader

MADE = "user.recovery_link_made"
"""The kind of event that a recovery link is."""

_ADMINISTRATORS = Query(
    "recovery.administrators",
    """
    SELECT DISTINCT u.id, u.email, u.organization_id
      FROM role_assignment r
      JOIN organization o ON o.id = r.organization_id
      JOIN app_user u ON u.id = r.user_id
     WHERE r.role = 'administrator' AND o.parent_id IS NULL
       AND u.deleted_at IS NULL AND u.state = 'active' AND u.email <> ''
     ORDER BY u.id
    """,
)
_MADE_AT = Query(
    "recovery.made_at",
    """
    SELECT e.user_id, e.personal FROM event e
     WHERE e.id >= :first AND e.id < :last AND e.kind = :kind AND e.at = :at
     ORDER BY e.id LIMIT 1
    """,
)


@dataclass(frozen=True, slots=True)
class Addressee:
    """An administrator of the top organization who can be written to."""

    user_id: Id
    email: str
    organization_id: Id


@dataclass(frozen=True, slots=True)
class Made:
    """A link that was made, as the log tells it; names are gone where they were erased."""

    user_id: Id
    username: str
    actor: str


def administrators(tx: Reader) -> list[Addressee]:
    """Every active administrator of the top organization with an e-mail address."""
    return [
        Addressee(row["id"], row["email"], row["organization_id"])
        for row in tx.all(_ADMINISTRATORS)
    ]


def made_at(tx: Reader, moment: int) -> Made | None:
    """The link that was made in the transaction of this moment, microseconds UTC."""
    first, last = least_id(moment), least_id(moment + MINUTE)
    row = tx.one(_MADE_AT, first=first, last=last, kind=MADE, at=moment)
    if row is None:
        return None
    personal = json.loads(row["personal"] or "{}")
    return Made(str(row["user_id"]), personal.get("user", ""), personal.get("actor", ""))
