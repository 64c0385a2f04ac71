"""Who holds which role where, and what he may do by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from enlist.core.access import RoleAssignment
from enlist.core.ids import Id
from enlist.core.model import UserState, display_name
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Right, held_at
from enlist.core.second_factor import needs_one
from enlist.store import second_factor_rules
from enlist.store.ahead import ReadAhead
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.own_roles import permissions_of
from enlist.store.second_factor_rules import ASKED_THERE, ASKED_THERE_POSTGRES
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx


@dataclass(frozen=True, slots=True)
class Holding:
    """A role that somebody holds, with as much of the person as a list shows."""

    role: RoleAssignment
    user_id: Id
    username: str
    display_name: str
    state: UserState
    user_path: str
    granted_at: int


_OF_USER_TEXT = """
    SELECT r.user_id, r.organization_id, o.path AS organization_path, o.group_id, r.role,
           c.name AS own_name, c.permissions AS own_permissions, {asked} AS asked_there
      FROM role_assignment r{among} JOIN organization o ON o.id = r.organization_id
      LEFT JOIN own_role c ON c.id = r.role
     WHERE {whose}o.deleted_at IS NULL
     ORDER BY length(o.path), r.role
"""
_ONE = {"among": "", "whose": "r.user_id = :user_id AND "}
_EACH = {"among": " JOIN asked ON asked.user_id = r.user_id", "whose": ""}
_OF_USER = Query(
    "role.of_user",
    _OF_USER_TEXT.format(asked=ASKED_THERE, **_ONE),
    postgres=_OF_USER_TEXT.format(asked=ASKED_THERE_POSTGRES, **_ONE),
)
_OF_USER_EACH = SetQuery(
    "role.of_user_each",
    "user_id uuid",
    _OF_USER_TEXT.format(asked=ASKED_THERE, **_EACH),
    postgres=_OF_USER_TEXT.format(asked=ASKED_THERE_POSTGRES, **_EACH),
)
_GRANT = Query(
    "role.grant",
    """
    INSERT INTO role_assignment (user_id, organization_id, role, granted_at)
    VALUES (:user_id, :organization_id, :role, :now)
    ON CONFLICT DO NOTHING
    """,
)
_WITHDRAW = Query(
    "role.withdraw",
    """
    DELETE FROM role_assignment
     WHERE user_id = :user_id AND organization_id = :organization_id AND role = :role
    """,
)
_WITHDRAW_ON = Query(
    "role.withdraw_on",
    "DELETE FROM role_assignment WHERE organization_id = :organization_id",
)
_LOCK_ADMINISTRATORS = Query(
    "role.lock_administrators",
    "SELECT 1 AS locked",
    # Two administrators who disable each other at once would otherwise both see the other.
    postgres="SELECT 1 AS locked FROM (SELECT pg_advisory_xact_lock(7211)) AS l",
)
_ADMINISTRATORS = Query(
    "role.administrators",
    """
    SELECT count(DISTINCT u.id) AS found
      FROM role_assignment r
      JOIN organization o ON o.id = r.organization_id
      JOIN app_user u ON u.id = r.user_id
     WHERE r.role = 'administrator' AND o.parent_id IS NULL
       AND u.deleted_at IS NULL AND u.state = 'active'
    """,
)
_OTHER_ADMINISTRATORS = Query(
    "role.other_administrators",
    """
    SELECT count(DISTINCT u.id) AS found
      FROM role_assignment r
      JOIN organization o ON o.id = r.organization_id
      JOIN app_user u ON u.id = r.user_id
     WHERE r.role = 'administrator' AND o.parent_id IS NULL
       AND u.deleted_at IS NULL AND u.state = 'active' AND u.id <> :besides
    """,
)
_LIST = Listing(
    "role_holders",
    """
    SELECT r.user_id, r.organization_id, o.path AS organization_path, o.group_id, r.role,
           c.name AS own_name, c.permissions AS own_permissions, r.granted_at,
           u.username, u.first_name, u.last_name, u.state, h.path AS user_path
      FROM role_assignment r
      JOIN organization o ON o.id = r.organization_id
      JOIN app_user u ON u.id = r.user_id
      JOIN organization h ON h.id = u.organization_id
      LEFT JOIN own_role c ON c.id = r.role
     WHERE o.deleted_at IS NULL AND u.deleted_at IS NULL
    """,
    id="r.user_id",
    path="o.path",
    # One user may hold several roles: each sort value tells them apart, as cursors need it.
    sorts={
        "user": "u.username_folded || ' ' || o.group_id || ' ' || r.role",
        "role": "r.role || ' ' || u.username_folded || ' ' || o.group_id",
        "organization": "lower(o.group_id) || ' ' || u.username_folded || ' ' || r.role",
    },
    default_sort="user",
    filters={"role": "r.role = :role", "user": "r.user_id = :user"},
    search=("u.username", "u.first_name || ' ' || u.last_name", "o.group_id", "o.name"),
)


def of_user(tx: Reader, user_id: Id) -> list[RoleAssignment]:
    """The roles that a user holds, nearest to the root first."""
    rows = tx.all(_OF_USER, user_id=user_id)
    held = [_assignment(row) for row in rows]
    if not any(row["asked_there"] for row in rows):
        return held
    rights = rights_of(held)

    def asked(each: RoleAssignment, row: Row) -> bool:
        there = second_factor_rules.roles_in(row["asked_there"])
        return needs_one(held_at(rights, each.organization_path), there)

    return [
        replace(each, needs_factor=asked(each, row)) for each, row in zip(held, rows, strict=True)
    ]


def read_ahead(ahead: ReadAhead, user_ids: Iterable[Id]) -> None:
    """Have asked what `of_user` will ask for these."""
    found: dict[Id, list[Row]] = {each: [] for each in user_ids}

    def know(rows: list[Row]) -> None:
        for row in rows:
            found[row["user_id"]].append(row)
        for user_id, held in found.items():
            ahead.know(_OF_USER, held, user_id=user_id)

    ahead.ask(_OF_USER_EACH, [{"user_id": each} for each in found], know)


def rights(tx: Reader, user_id: Id) -> tuple[Right, ...]:
    """What a user may do by his roles, and where."""
    return rights_of(of_user(tx, user_id))


def rights_of(assignments: Sequence[RoleAssignment]) -> tuple[Right, ...]:
    """The rights that role assignments come to."""
    return tuple(Right(held.organization_path, held.permissions) for held in assignments)


def grant(tx: Tx, user_id: Id, organization_id: Id, role: str) -> bool:
    """Give a role; False when it is held already."""
    return (
        tx.run(_GRANT, user_id=user_id, organization_id=organization_id, role=role, now=tx.now) == 1
    )


def withdraw(tx: Tx, user_id: Id, organization_id: Id, role: str) -> bool:
    """Take a role away; False when it was not held."""
    return tx.run(_WITHDRAW, user_id=user_id, organization_id=organization_id, role=role) == 1


def withdraw_on(tx: Tx, organization_id: Id) -> int:
    """Take away every role on an organization that is no more (X31)."""
    return tx.run(_WITHDRAW_ON, organization_id=organization_id)


def lock_administrators(tx: Tx) -> None:
    """Let one change at a time decide about who administers the installation."""
    tx.one(_LOCK_ADMINISTRATORS)


def administrators(tx: Reader) -> int:
    """How many active users administer the top organization."""
    row = tx.one(_ADMINISTRATORS)
    return int(row["found"]) if row else 0


def only_administrator(tx: Reader, user_id: Id) -> bool:
    """Whether the installation would have no administrator without this user."""
    row = tx.one(_OTHER_ADMINISTRATORS, besides=user_id)
    return row is not None and row["found"] == 0 and administrators(tx) > 0


def page(tx: Reader, request: PageRequest) -> Page[Holding] | Refusal:
    """Roles held on the organizations of a subtree."""
    return _LIST.page(tx, request, _holding)


def _assignment(row: Row) -> RoleAssignment:
    return RoleAssignment(
        user_id=row["user_id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        role=row["role"],
        name=row["own_name"] or row["role"],
        permissions=permissions_of(row["role"], row["own_permissions"]),
    )


def _holding(row: Row) -> Holding:
    return Holding(
        role=_assignment(row),
        user_id=row["user_id"],
        username=row["username"],
        display_name=display_name(row["first_name"], row["last_name"], row["username"]),
        state=UserState(row["state"]),
        user_path=row["user_path"],
        granted_at=row["granted_at"],
    )
