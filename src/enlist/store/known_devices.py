"""Devices found by what identifies them, and un-enrolled for it.

The statements have one arm for each identifier, so that each is found by its own index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Platform
from enlist.core.restrictions import ATTRIBUTES
from enlist.store import announcing, devices
from enlist.store.announcing import Of
from enlist.store.listing import path_end
from enlist.store.tx import Query, Reader, SetQuery, Tx

Identifiers = Iterable[tuple[str, str]]
"""Attributes and values, as `core.restrictions.identifiers` makes them."""

MOST_RECORDS: Final = 50
"""How many records of one identifier are looked at, the newest: more is no identifier."""

_ARMS = " UNION ALL ".join(
    f"""
    SELECT d.id, d.user_id, d.state, d.organization_id FROM asked JOIN device d
        ON lower(d.{name}) COLLATE "C" = asked.folded AND d.{name} <> ''
       AND asked.attribute = '{name}'
     WHERE d.deleted_at IS NULL"""
    for name in ATTRIBUTES
)
_ON_RECORD = SetQuery(
    "known_device.on_record",
    "attribute text, folded text",
    f"""
    SELECT k.id, k.user_id, k.state, o.path
      FROM ({_ARMS}) k JOIN organization o ON o.id = k.organization_id
     ORDER BY k.id DESC LIMIT {MOST_RECORDS}
    """,
)
_MATCHING = SetQuery(
    "known_device.matching",
    "attribute text, folded text",
    f"""
    SELECT DISTINCT k.id FROM ({_ARMS}) k JOIN organization o ON o.id = k.organization_id
     WHERE o.path >= :path AND o.path < :path_end AND k.state = 'enrolled'
    """,
)
_NUMBERED: Final = {
    by: Query(
        f"known_device.numbered.{by}",
        f"""
        SELECT d.id FROM device d JOIN organization o ON o.id = d.organization_id
         WHERE lower(d.{by}) COLLATE "C" = :folded AND d.{by} <> '' AND d.deleted_at IS NULL
           AND o.path >= :path AND o.path < :path_end
         ORDER BY d.id DESC LIMIT {MOST_RECORDS}
        """,
    )
    for by in ("serial", "udid", "asset_number")
}
_UNENROLL = Query(
    "known_device.unenroll",
    """
    UPDATE device SET state = 'unenrolled', version = version + 1
     WHERE id = :id AND state = 'enrolled' AND deleted_at IS NULL
    """,
)
_REGISTERED = Query(
    "known_device.registered",
    f"""{devices.COLUMNS}
     WHERE d.user_id = :user_id AND d.organization_id = :organization_id
       AND d.platform = :platform AND d.state = 'registered' AND d.deleted_at IS NULL
     ORDER BY d.id LIMIT 200""",
)


@dataclass(frozen=True, slots=True)
class Record:
    """A device that is known by an identifier."""

    id: Id
    user_id: Id | None
    state: DeviceState
    path: str


def registered(tx: Reader, organization_id: Id, user_id: Id, platform: Platform) -> list[Device]:
    """The registered devices of a user and platform at an organization, the oldest first."""
    rows = tx.all(
        _REGISTERED,
        organization_id=organization_id,
        user_id=user_id,
        platform=platform.value,
    )
    return [devices.made_of(row) for row in rows]


def on_record(tx: Reader, path: str, identifiers: Identifiers) -> list[Record]:
    """Who such a device is known as at this organization, above and below; siblings see nothing."""
    rows = tx.each(_ON_RECORD, _asked(identifiers))
    return [
        Record(row["id"], row["user_id"], DeviceState(row["state"]), row["path"])
        for row in rows
        if row["path"].startswith(path) or path.startswith(row["path"])
    ]


def enrolled_as(tx: Reader, path: str, identifiers: Identifiers) -> list[Id]:
    """The enrolled devices of a subtree that these identifiers name, in the order of their ids."""
    found = tx.each(_MATCHING, _asked(identifiers), path=path, path_end=path_end(path))
    return sorted(row["id"] for row in found)


def numbered(tx: Reader, path: str, by: str, value: str) -> list[Id]:
    """The devices of a subtree that have this serial number, UDID or asset number."""
    found = tx.all(_NUMBERED[by], folded=value.lower(), path=path, path_end=path_end(path))
    return [row["id"] for row in found]


def unenroll(tx: Tx, device_id: Id) -> bool:
    """An enrolled device is enrolled no more; False when it was not."""
    announcing.ended(tx, Of.DEVICE, device_id)
    return tx.run(_UNENROLL, id=device_id) == 1


def _asked(identifiers: Identifiers) -> list[dict[str, object]]:
    return [{"attribute": name, "folded": text} for name, text in identifiers]
