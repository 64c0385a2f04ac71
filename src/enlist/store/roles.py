"""Who holds which role where, as a list."""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.core.model import RoleAssignment, UserState
from enlist.core.outcomes import Refusal
from enlist.core.policy import Role
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.tx import Reader, Row


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


_LIST = Listing(
    "role_holders",
    """
    SELECT r.user_id, r.organization_id, o.path AS organization_path, o.group_id, r.role,
           r.granted_at, u.username, u.first_name, u.last_name, u.state, h.path AS user_path
      FROM role_assignment r
      JOIN organization o ON o.id = r.organization_id
      JOIN app_user u ON u.id = r.user_id
      JOIN organization h ON h.id = u.organization_id
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


def page(tx: Reader, request: PageRequest) -> Page[Holding] | Refusal:
    """Roles held on the organizations of a subtree."""
    return _LIST.page(tx, request, _holding)


def _holding(row: Row) -> Holding:
    assignment = RoleAssignment(
        user_id=row["user_id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        role=Role(row["role"]),
    )
    name = f"{row['first_name']} {row['last_name']}".strip()
    return Holding(
        role=assignment,
        user_id=row["user_id"],
        username=row["username"],
        display_name=name or row["username"],
        state=UserState(row["state"]),
        user_path=row["user_path"],
        granted_at=row["granted_at"],
    )
