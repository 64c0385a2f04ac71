"""Roles that organizations put together themselves; each counts there and below."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from enlist.core.access import OwnRole
from enlist.core.ids import Id
from enlist.core.outcomes import Subjects
from enlist.core.permissions import ROLES, Permission, Role, permissions_named
from enlist.store.tx import Query, Reader, Row, Tx

_COLUMNS = """
    SELECT c.id, c.organization_id, o.path AS organization_path, o.group_id, c.name, c.description,
           c.permissions, c.created_at, c.version,
           (SELECT count(*) FROM role_assignment r JOIN organization p ON p.id = r.organization_id
              JOIN app_user u ON u.id = r.user_id
             WHERE r.role = c.id AND p.deleted_at IS NULL AND u.deleted_at IS NULL
               AND substr(p.path, 1, length(:path)) = :path) AS held
      FROM own_role c JOIN organization o ON o.id = c.organization_id
"""
_INSERT = Query(
    "own_role.insert",
    """
    INSERT INTO own_role (id, organization_id, name, name_folded, description, permissions,
                          created_at)
    VALUES (:id, :organization_id, :name, :name_folded, :description, :permissions, :now)
    """,
)
_FIND = Query("own_role.find", f"{_COLUMNS} WHERE c.id = :id AND o.deleted_at IS NULL")
_USABLE = Query(
    "own_role.usable",
    f"""{_COLUMNS} WHERE o.deleted_at IS NULL AND substr(:path, 1, length(o.path)) = o.path
     ORDER BY length(o.path) DESC, c.name_folded""",
)
_BELOW = Query(
    "own_role.below",
    f"""{_COLUMNS} WHERE o.deleted_at IS NULL AND substr(o.path, 1, length(:path)) = :path
       AND o.path <> :path
     ORDER BY o.path, c.name_folded""",
)
_HOLD_TEXT = "SELECT c.id FROM own_role c WHERE c.id = :id"
_HOLD = Query(
    "own_role.hold",
    _HOLD_TEXT,
    # Else it could be given to somebody at the very moment that it is deleted.
    postgres=f"{_HOLD_TEXT} FOR UPDATE",
)
_CHANGE = Query(
    "own_role.change",
    """
    UPDATE own_role SET name = :name, name_folded = :name_folded, description = :description,
                        permissions = :permissions, version = version + 1
     WHERE id = :id AND version = :version
    """,
)
_DELETE = Query("own_role.delete", "DELETE FROM own_role WHERE id = :id AND version = :version")
_DROP_HELD = Query("own_role.drop_held", "DELETE FROM role_assignment WHERE role = :id")
_DROP_RULES = Query("own_role.drop_rules", "DELETE FROM second_factor_rule WHERE role = :id")
_HOLDERS = Query(
    "own_role.holders",
    """
    SELECT u.id, u.username, u.organization_id, p.id AS place_id, p.group_id
      FROM role_assignment r JOIN organization p ON p.id = r.organization_id
      JOIN app_user u ON u.id = r.user_id
     WHERE r.role = :id AND p.deleted_at IS NULL AND u.deleted_at IS NULL
     ORDER BY u.username_folded, p.path
    """,
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who holds a role, and where he does."""

    user_id: Id
    username: str
    organization_id: Id
    place_id: Id
    group_id: str

    @property
    def subjects(self) -> Subjects:
        """What an event about this person is about."""
        return Subjects(self.organization_id, self.user_id)


def insert(tx: Tx, role: OwnRole) -> None:
    """Store a role."""
    tx.run(_INSERT, **_values(role), organization_id=role.organization_id, now=role.created_at)


def find(tx: Reader, role_id: Id, path: str = "") -> OwnRole | None:
    """The role with this id.

    Args:
        path: whoever holds it there or below is counted.
    """
    row = tx.one(_FIND, id=role_id, path=path)
    return None if row is None else _own_role(row)


def usable(tx: Reader, path: str) -> list[OwnRole]:
    """The roles that can be given at the organization with this path, its own first.

    Who holds them is counted there and below: nobody learns what goes on beside him.
    """
    return [_own_role(row) for row in tx.all(_USABLE, path=path)]


def below(tx: Reader, path: str) -> list[OwnRole]:
    """The roles that the organizations below the one with this path put together."""
    return [_own_role(row) for row in tx.all(_BELOW, path=path)]


def hold(tx: Tx, role_id: Id) -> bool:
    """Keep a role as it is until the end of the transaction; False when it is gone."""
    return tx.one(_HOLD, id=role_id) is not None


def change(tx: Tx, role: OwnRole) -> bool:
    """Store a role's new values; False when it was changed since, or is gone."""
    return tx.run(_CHANGE, **_values(role), version=role.version) == 1


def delete(tx: Tx, role: OwnRole) -> bool:
    """Delete a role, and take it from all who hold it; False when it was changed since."""
    if tx.run(_DELETE, id=role.id, version=role.version) != 1:
        return False
    tx.run(_DROP_HELD, id=role.id)
    tx.run(_DROP_RULES, id=role.id)
    return True


def holders(tx: Reader, role_id: Id) -> tuple[Holder, ...]:
    """Who holds a role, wherever."""
    return tuple(
        Holder(
            user_id=row["id"],
            username=row["username"],
            organization_id=row["organization_id"],
            place_id=row["place_id"],
            group_id=row["group_id"],
        )
        for row in tx.all(_HOLDERS, id=role_id)
    )


def text_of(permissions: Collection[Permission]) -> str:
    """Permissions as a row keeps them."""
    return json.dumps(sorted(permissions))


def permissions_in(text: str | None) -> frozenset[Permission]:
    """Those of a row; none where the role is gone."""
    return permissions_named(json.loads(text)) if text else frozenset()


def permissions_of(role: str, own: str | None) -> frozenset[Permission]:
    """What a role comes to: a built-in one by its name, else what its row says in `own`."""
    return ROLES[Role(role)] if role in set(Role) else permissions_in(own)


def _values(role: OwnRole) -> dict[str, str]:
    return {
        "id": role.id,
        "name": role.name,
        "name_folded": role.name.casefold(),
        "description": role.description,
        "permissions": text_of(role.permissions),
    }


def _own_role(row: Row) -> OwnRole:
    return OwnRole(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        name=row["name"],
        description=row["description"],
        permissions=permissions_in(row["permissions"]),
        created_at=row["created_at"],
        version=row["version"],
        held=row["held"],
    )
