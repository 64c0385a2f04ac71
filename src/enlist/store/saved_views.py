"""Views of the list of enrollments that somebody gave a name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.core.outcomes import Subjects
from enlist.store.listing import LISTINGS
from enlist.store.tx import Query, Reader, Row, Tx

MOST_SHOWN: Final = 200

_COLUMNS = """
    SELECT v.id, v.organization_id, o.path AS organization_path, o.group_id, v.user_id, v.name,
           v.shared, v.asked, v.created_at, v.created_by
      FROM saved_view v JOIN organization o ON o.id = v.organization_id
"""
_FIND = Query("saved_view.find", f"{_COLUMNS} WHERE v.id = :id")
_AT = Query(
    "saved_view.at",
    f"""{_COLUMNS} WHERE v.organization_id = :organization_id
       AND (v.shared OR v.user_id = :user_id)
     ORDER BY v.name_folded, v.id LIMIT {MOST_SHOWN}""",
)
_INSERT = Query(
    "saved_view.insert",
    """
    INSERT INTO saved_view (id, organization_id, user_id, name, name_folded, shared, asked,
                            created_at, created_by)
    VALUES (:id, :organization_id, :user_id, :name, :name_folded, :shared, :asked, :now,
            :created_by)
    """,
)
_CHANGE = Query(
    "saved_view.change",
    """
    UPDATE saved_view
       SET name = :name, name_folded = :name_folded, shared = :shared, asked = :asked
     WHERE id = :id AND name = :was_name AND shared = :was_shared AND asked = :was_asked
    """,
)
_DELETE = Query("saved_view.delete", "DELETE FROM saved_view WHERE id = :id")
_DELETE_OF_USER = Query(
    "saved_view.delete_of_user",
    "DELETE FROM saved_view WHERE user_id = :user_id AND NOT shared",
)


@dataclass(frozen=True, slots=True)
class SavedView:
    """A search, filters and an order of the list of enrollments, kept under a name.

    `user_id` is whose it is; None for what an API key shared.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    user_id: Id | None
    name: str
    shared: bool
    search: str
    filters: Mapping[str, str]
    sort: str
    created_at: int
    created_by: str

    @property
    def subjects(self) -> Subjects:
        """What an event about this view is about."""
        return Subjects(self.organization_id)


def find(tx: Reader, view_id: Id) -> SavedView | None:
    """The view with this id."""
    row = tx.one(_FIND, id=view_id)
    return None if row is None else _view(row)


def at(tx: Reader, organization_id: Id, user_id: Id | None) -> list[SavedView]:
    """What is shared at an organization, and what is this user's own there; by name."""
    rows = tx.all(_AT, organization_id=organization_id, user_id=user_id)
    return [_view(row) for row in rows]


def insert(tx: Tx, view: SavedView) -> None:
    """Keep a view.

    Raises:
        UniqueViolation: its owner, or for a shared one its organization, has one of this name.
    """
    tx.run(
        _INSERT,
        id=view.id,
        organization_id=view.organization_id,
        user_id=view.user_id,
        name=view.name,
        name_folded=view.name.casefold(),
        shared=view.shared,
        asked=_asked(view),
        now=tx.now,
        created_by=view.created_by,
    )


def change(tx: Tx, before: SavedView, after: SavedView) -> bool:
    """Keep another name, other filters, or for whom; False where it is not as it was before.

    Raises:
        UniqueViolation: as `insert`.
    """
    changed = tx.run(
        _CHANGE,
        id=before.id,
        name=after.name,
        name_folded=after.name.casefold(),
        shared=after.shared,
        asked=_asked(after),
        was_name=before.name,
        was_shared=before.shared,
        was_asked=_asked(before),
    )
    return changed == 1


def delete(tx: Tx, view_id: Id) -> bool:
    """Forget a view; False where it is gone already."""
    return tx.run(_DELETE, id=view_id) == 1


def delete_of_user(tx: Tx, user_id: Id) -> None:
    """Forget what only a user himself saw; what he shared stays with the others."""
    tx.run(_DELETE_OF_USER, user_id=user_id)


def known(filters: dict[str, str], sort: str) -> str:
    """The name of a filter, or the sort, that the list does not have; "" where it has all."""
    listing = LISTINGS["enrollments"]
    strange = [name for name in filters if name not in listing.filters or name == "without_staff"]
    if sort and sort.removeprefix("-") not in listing.sorts:
        strange.append("sort")
    return strange[0] if strange else ""


def _asked(view: SavedView) -> str:
    asked = {"search": view.search, "filters": dict(view.filters), "sort": view.sort}
    return json.dumps(asked, ensure_ascii=False, sort_keys=True)


def _view(row: Row) -> SavedView:
    asked = json.loads(row["asked"])
    return SavedView(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        user_id=row["user_id"],
        name=row["name"],
        shared=bool(row["shared"]),
        search=asked["search"],
        filters=asked["filters"],
        sort=asked["sort"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
