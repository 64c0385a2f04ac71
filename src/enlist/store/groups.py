"""Groups of users. What is made here is `local`; other sources keep their members themselves."""

from __future__ import annotations

from enlist.core.ids import Id
from enlist.core.model import UserGroup
from enlist.core.outcomes import Refusal
from enlist.store.listing import Listing, Page, PageRequest, path_end
from enlist.store.tx import Query, Reader, Row, Tx
from enlist.store.users import NOT_STAFF

_COLUMNS = """
    SELECT g.id, g.organization_id, o.path AS organization_path, o.group_id, g.name,
           g.description, g.source, g.created_at, g.version,
           (SELECT count(*) FROM group_member m JOIN app_user u ON u.id = m.user_id
             WHERE m.user_group_id = g.id AND u.deleted_at IS NULL) AS members
      FROM user_group g JOIN organization o ON o.id = g.organization_id
"""
_FIND = Query("group.find", f"{_COLUMNS} WHERE g.id = :id AND g.deleted_at IS NULL")
_INSERT = Query(
    "group.insert",
    """
    INSERT INTO user_group (id, organization_id, name, name_folded, description, source, created_at)
    VALUES (:id, :organization_id, :name, :name_folded, :description, :source, :created_at)
    """,
)
_CHANGE = Query(
    "group.change",
    """
    UPDATE user_group
       SET name = :name, name_folded = :name_folded, description = :description,
           version = version + 1
     WHERE id = :id AND deleted_at IS NULL AND version = :version
    """,
)
_DELETE = Query(
    "group.delete",
    "UPDATE user_group SET deleted_at = :now WHERE id = :id AND deleted_at IS NULL",
)
_EMPTY = Query("group.empty", "DELETE FROM group_member WHERE user_group_id = :id")
_HOLD_TEXT = "SELECT g.id FROM user_group g WHERE g.id = :id AND g.deleted_at IS NULL"
_HOLD = Query(
    "group.hold",
    _HOLD_TEXT,
    # Its deletion is waited for, and waits: nobody becomes a member of what is gone.
    postgres=f"{_HOLD_TEXT} FOR SHARE",
)
_ADD_MEMBER = Query(
    "group.add_member",
    """
    INSERT INTO group_member (user_group_id, user_id, added_at) VALUES (:id, :user_id, :now)
    ON CONFLICT DO NOTHING
    """,
)
_REMOVE_MEMBER = Query(
    "group.remove_member",
    "DELETE FROM group_member WHERE user_group_id = :id AND user_id = :user_id",
)
_LEAVE_OTHERS = Query(
    "group.leave_others",
    """
    DELETE FROM group_member
     WHERE user_id = :user_id
       AND user_group_id IN (SELECT g.id FROM user_group g
                               JOIN organization o ON o.id = g.organization_id
                              WHERE substr(:path, 1, length(o.path)) <> o.path)
    """,
)
_OF_USER = Query(
    "group.of_user",
    """
    SELECT g.id FROM group_member m JOIN user_group g ON g.id = m.user_group_id
     WHERE m.user_id = :user_id AND g.deleted_at IS NULL
    """,
)
_WITH_MEMBER = Query(
    "group.with_member",
    f"""{_COLUMNS} JOIN group_member own ON own.user_group_id = g.id
     WHERE own.user_id = :user_id AND g.deleted_at IS NULL
     ORDER BY g.name_folded, g.id LIMIT :most
    """,
)
_MEMBERS = Query(
    "group.members",
    f"""
    SELECT u.id, u.username
      FROM group_member m JOIN app_user u ON u.id = m.user_id
      JOIN organization o ON o.id = u.organization_id
     WHERE m.user_group_id = :group_id AND u.deleted_at IS NULL
       AND o.path >= :path AND o.path < :path_end
       AND (:staff = 1 OR {NOT_STAFF.format(user="u.id")})
     ORDER BY u.username_folded LIMIT :limit
    """,
)
_LIST = Listing(
    "groups",
    f"{_COLUMNS} WHERE g.deleted_at IS NULL",
    id="g.id",
    path="o.path",
    sorts={"name": "g.name_folded", "created_at": "g.id"},
    default_sort="name",
    filters={"source": "g.source = :source"},
    search=("g.name", "g.description"),
)


def find(tx: Reader, group_id: Id) -> UserGroup | None:
    """The group with this id, unless deleted."""
    row = tx.one(_FIND, id=group_id)
    return None if row is None else _group(row)


def insert(tx: Tx, group: UserGroup) -> None:
    """Add a group.

    Raises:
        UniqueViolation: its name is taken in the organization.
    """
    tx.run(
        _INSERT,
        id=group.id,
        organization_id=group.organization_id,
        name=group.name,
        name_folded=group.name.casefold(),
        description=group.description,
        source=group.source,
        created_at=group.created_at,
    )


def change(tx: Tx, group: UserGroup, expected_version: int) -> bool:
    """Write what can be edited of a group; False when somebody else was first."""
    changed = tx.run(
        _CHANGE,
        id=group.id,
        version=expected_version,
        name=group.name,
        name_folded=group.name.casefold(),
        description=group.description,
    )
    return changed == 1


def delete(tx: Tx, group_id: Id) -> bool:
    """Take a group away, with its memberships; False when it is gone."""
    if tx.run(_DELETE, id=group_id, now=tx.now) != 1:
        return False
    tx.run(_EMPTY, id=group_id)
    return True


def add_member(tx: Tx, group_id: Id, user_id: Id) -> bool:
    """Make a user a member; False when he is, or the group is gone."""
    if tx.one(_HOLD, id=group_id) is None:
        return False
    return tx.run(_ADD_MEMBER, id=group_id, user_id=user_id, now=tx.now) == 1


def remove_member(tx: Tx, group_id: Id, user_id: Id) -> bool:
    """End a membership; False when there was none."""
    return tx.run(_REMOVE_MEMBER, id=group_id, user_id=user_id) == 1


def leave_others(tx: Tx, user_id: Id, path: str) -> int:
    """End the memberships in groups that have nobody from the organization at `path`; how many."""
    return tx.run(_LEAVE_OTHERS, user_id=user_id, path=path)


def of_user(tx: Reader, user_id: Id) -> frozenset[Id]:
    """The groups that a user is a member of."""
    return frozenset(row["id"] for row in tx.all(_OF_USER, user_id=user_id))


def with_member(tx: Reader, user_id: Id, most: int) -> list[UserGroup]:
    """The same groups whole, by name."""
    return [_group(row) for row in tx.all(_WITH_MEMBER, user_id=user_id, most=most)]


def members(
    tx: Reader, group_id: Id, path: str, *, staff: bool, limit: int
) -> list[tuple[Id, str]]:
    """Ids and names of members that belong at `path` or below, by name; with `staff` or without."""
    rows = tx.all(
        _MEMBERS,
        group_id=group_id,
        path=path,
        path_end=path_end(path),
        staff=int(staff),
        limit=limit,
    )
    return [(row["id"], row["username"]) for row in rows]


def page(tx: Reader, request: PageRequest) -> Page[UserGroup] | Refusal:
    """Groups of a subtree."""
    return _LIST.page(tx, request, _group)


def _group(row: Row) -> UserGroup:
    return UserGroup(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        name=row["name"],
        description=row["description"],
        source=row["source"],
        created_at=row["created_at"],
        members=row["members"],
        version=row["version"],
    )
