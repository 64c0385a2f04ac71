"""Which roles need a second factor, from which organization downwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.core.permissions import Permission
from enlist.store.own_roles import permissions_of
from enlist.store.tx import Query, Reader, Tx

_END: Final = ";"
ASKED_THERE: Final = f"""(
        SELECT group_concat(COALESCE(asked_role.permissions, n.role), '{_END}')
          FROM second_factor_rule n JOIN organization above ON above.id = n.organization_id
          LEFT JOIN own_role asked_role ON asked_role.id = n.role
         WHERE substr(o.path, 1, length(above.path)) = above.path
    )"""
"""The roles of which one is asked at organization `o`, for `roles_in`; `LIKE` would read % in no
path, but could use no index either, and the rules are few."""
ASKED_THERE_POSTGRES: Final = ASKED_THERE.replace("group_concat", "string_agg")

_AT = Query(
    "second_factor_rule.at",
    "SELECT role FROM second_factor_rule WHERE organization_id = :organization_id ORDER BY role",
)
_ABOVE = Query(
    "second_factor_rule.above",
    """
    SELECT n.role, c.permissions, o.group_id
      FROM second_factor_rule n JOIN organization o ON o.id = n.organization_id
      LEFT JOIN own_role c ON c.id = n.role
     WHERE substr(:path, 1, length(o.path)) = o.path
     ORDER BY length(o.path), n.role
    """,
)
_ADD = Query(
    "second_factor_rule.add",
    """
    INSERT INTO second_factor_rule (role, organization_id, set_at)
    VALUES (:role, :organization_id, :now) ON CONFLICT DO NOTHING
    """,
)
_DROP = Query(
    "second_factor_rule.drop",
    "DELETE FROM second_factor_rule WHERE role = :role AND organization_id = :organization_id",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A role of which a second factor is asked, what it may do, and the Group ID that says so."""

    role: str
    permissions: frozenset[Permission]
    group_id: str


def at(tx: Reader, organization_id: Id) -> frozenset[str]:
    """The roles that need one by what this organization itself says."""
    return frozenset(row["role"] for row in tx.all(_AT, organization_id=organization_id))


def asked_above(tx: Reader, path: str) -> list[Asked]:
    """What is asked at the organization with this path, by itself and by those above it first."""
    return [
        Asked(row["role"], permissions_of(row["role"], row["permissions"]), row["group_id"])
        for row in tx.all(_ABOVE, path=path)
    ]


def roles_in(asked: str | None) -> list[frozenset[Permission]]:
    """What each of the roles of `ASKED_THERE` may do."""
    found = (asked or "").split(_END)
    return [permissions_of(each, each if each.startswith("[") else None) for each in found]


def change(tx: Tx, organization_id: Id, add: Iterable[str], drop: Iterable[str]) -> bool:
    """Ask for it of other roles; False when nothing was changed by that."""
    changed = [tx.run(_ADD, role=role, organization_id=organization_id, now=tx.now) for role in add]
    changed += [tx.run(_DROP, role=role, organization_id=organization_id) for role in drop]
    return any(changed)
