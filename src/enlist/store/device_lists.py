"""Allow and deny lists: devices by an identifier, before anybody has seen them.

That an organization holds a list at all is kept with its settings, so that nobody looks through a
list that is empty. Whoever changes a list holds the organization's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from enlist.core.device_lists import DeviceList, ListedDevice
from enlist.core.ids import Id
from enlist.core.model import Ownership
from enlist.core.outcomes import Refusal
from enlist.core.restrictions import ALLOWS, DENIES, identifying
from enlist.store import organizations
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx

_SELECT = """
    SELECT l.id, l.organization_id, o.path AS organization_path, o.group_id, l.list, l.attribute,
           l.value, l.ownership, l.target_id, COALESCE(t.group_id, '') AS target, l.added_at,
           l.added_by"""
_JOINED = """
      JOIN organization o ON o.id = l.organization_id
      LEFT JOIN organization t ON t.id = l.target_id AND t.deleted_at IS NULL
"""
_COLUMNS = f"{_SELECT} FROM listed_device l {_JOINED}"
_FIND = Query("listed_device.find", f"{_COLUMNS} WHERE l.id = :id")
_NAMING = SetQuery(
    "listed_device.naming",
    "attribute text, folded text",
    f"""{_SELECT}
      FROM asked JOIN listed_device l
        ON l.value_folded = asked.folded AND l.attribute = asked.attribute
      {_JOINED}""",
)
_INSERT = SetQuery(
    "listed_device.insert",
    """id uuid, list text, attribute text, value text, folded text, ownership text,
    target_id uuid""",
    """
    INSERT INTO listed_device (id, organization_id, list, attribute, value, value_folded, ownership,
                               target_id, added_at, added_by)
    SELECT id, :organization_id, list, attribute, value, folded, ownership, target_id,
           :now, :added_by
      FROM asked WHERE 1 = 1
    ON CONFLICT DO NOTHING
    RETURNING id
    """,
    postgres="""
    INSERT INTO listed_device (id, organization_id, list, attribute, value, value_folded, ownership,
                               target_id, added_at, added_by)
    SELECT id, CAST(:organization_id AS uuid), list, attribute, value, folded, ownership, target_id,
           CAST(:now AS bigint), CAST(:added_by AS text)
      FROM asked
    ON CONFLICT DO NOTHING
    RETURNING id
    """,
)
_REMOVE = Query("listed_device.remove", "DELETE FROM listed_device WHERE id = :id")
_ANY = Query(
    "listed_device.any",
    """
    SELECT 1 AS found FROM listed_device
     WHERE organization_id = :organization_id AND list = :list LIMIT 1
    """,
)
_SET_FLAG = Query(
    "listed_device.set_flag",
    """
    INSERT INTO organization_setting (organization_id, key, value)
    VALUES (:organization_id, :key, 'true') ON CONFLICT DO NOTHING
    """,
)
_DROP_FLAG = Query(
    "listed_device.drop_flag",
    "DELETE FROM organization_setting WHERE organization_id = :organization_id AND key = :key",
)
_LIST = Listing(
    "listed_devices",
    f"{_COLUMNS} WHERE 1 = 1",
    id="l.id",
    path="o.path",
    sorts={"added_at": "l.id", "value": "l.value_folded"},
    default_sort="-added_at",
    filters={
        "list": "l.list = :list",
        "attribute": "l.attribute = :attribute",
        "id": "l.id = :id",
    },
    search=("l.value",),
)
_FLAGS: Final = {DeviceList.ALLOW: ALLOWS, DeviceList.DENY: DENIES}


def find(tx: Reader, listed_id: Id) -> ListedDevice | None:
    """The entry with this id."""
    row = tx.one(_FIND, id=listed_id)
    return None if row is None else _listed(row)


def naming(tx: Reader, path: str, identifiers: Iterable[tuple[str, str]]) -> list[ListedDevice]:
    """The entries at the organization with this path and above that name such a device.

    Args:
        identifiers: attributes and values, as `core.restrictions.identifiers` makes them.
    """
    asked = [{"attribute": name, "folded": text} for name, text in identifiers]
    found = [_listed(row) for row in tx.each(_NAMING, asked)]
    here = [each for each in found if path.startswith(each.organization_path)]
    return sorted(here, key=lambda each: (-len(each.organization_path), each.id))


def insert(tx: Tx, organization_id: Id, entries: Sequence[ListedDevice]) -> int:
    """Put devices on a list; answer how many were not there yet."""
    rows = [
        {
            "id": each.id,
            "list": each.list.value,
            "attribute": each.attribute,
            "value": each.value,
            "folded": identifying(each.value),
            "ownership": each.ownership.value,
            "target_id": each.target_id,
        }
        for each in entries
    ]
    by = entries[0].added_by if entries else ""
    added = tx.each(_INSERT, rows, organization_id=organization_id, now=tx.now, added_by=by)
    for kind in {each.list for each in entries}:
        tx.run(_SET_FLAG, organization_id=organization_id, key=_FLAGS[kind])
    return len(added)


def remove(tx: Tx, entry: ListedDevice) -> bool:
    """Take a device off a list; False when it is not there any more."""
    organizations.lock(tx, entry.organization_id)
    if tx.run(_REMOVE, id=entry.id) != 1:
        return False
    place = entry.organization_id
    if tx.one(_ANY, organization_id=place, list=entry.list.value) is None:
        tx.run(_DROP_FLAG, organization_id=place, key=_FLAGS[entry.list])
    return True


def page(tx: Reader, request: PageRequest) -> Page[ListedDevice] | Refusal:
    """Entries of a subtree."""
    return _LIST.page(tx, request, _listed)


def _listed(row: Row) -> ListedDevice:
    return ListedDevice(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        list=DeviceList(row["list"]),
        attribute=row["attribute"],
        value=row["value"],
        ownership=Ownership(row["ownership"]),
        target_id=row["target_id"],
        target=row["target"],
        added_at=row["added_at"],
        added_by=row["added_by"],
    )
