"""Which roles need a second factor, from which organization downwards."""

from __future__ import annotations

from collections.abc import Iterable

from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Tx

ASKED_OF_HOLDER = """EXISTS (
        SELECT 1 FROM second_factor_rule n JOIN organization above ON above.id = n.organization_id
         WHERE n.role = r.role AND substr(o.path, 1, length(above.path)) = above.path
    )"""
"""Whether role `r`, held on organization `o`, needs one; `LIKE` would read % in no path, but
could use no index either, and the rules are few."""

_AT = Query(
    "second_factor_rule.at",
    "SELECT role FROM second_factor_rule WHERE organization_id = :organization_id ORDER BY role",
)
_ABOVE = Query(
    "second_factor_rule.above",
    """
    SELECT n.role, o.group_id FROM second_factor_rule n JOIN organization o
        ON o.id = n.organization_id
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


def at(tx: Reader, organization_id: Id) -> frozenset[str]:
    """The roles that need one by what this organization itself says."""
    return frozenset(row["role"] for row in tx.all(_AT, organization_id=organization_id))


def in_force(tx: Reader, path: str) -> dict[str, str]:
    """Each role that needs one at the organization with this path, and the Group ID that says so.

    Where several say so, that is the topmost.
    """
    found: dict[str, str] = {}
    for row in tx.all(_ABOVE, path=path):
        found.setdefault(row["role"], row["group_id"])
    return found


def change(tx: Tx, organization_id: Id, add: Iterable[str], drop: Iterable[str]) -> bool:
    """Ask for it of other roles; False when nothing was changed by that."""
    changed = [tx.run(_ADD, role=role, organization_id=organization_id, now=tx.now) for role in add]
    changed += [tx.run(_DROP, role=role, organization_id=organization_id) for role in drop]
    return any(changed)
