"""Devices: registered for a user, enrolled by a redemption."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from enlist.core.filtering import Selection
from enlist.core.ids import Id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Ownership, Platform
from enlist.core.outcomes import Refusal
from enlist.core.prompts import Answers
from enlist.store.ahead import ReadAhead
from enlist.store.listing import NAMED_WITHIN, Listing, Page, PageRequest, path_end
from enlist.store.narrowing import Narrowing, Searched, Through, by_owner
from enlist.store.slices import Slice, Slicing
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx
from enlist.store.users import NOT_STAFF

COLUMNS = """
    SELECT d.id, d.organization_id, o.path AS organization_path, o.group_id, d.user_id,
           COALESCE(u.username, '') AS username, d.name, d.platform, d.ownership, d.state,
           d.model, d.os_version, d.serial, d.imei, d.udid, d.sim, d.asset_number,
           d.external_id, d.registered_at, d.enrolled_at, d.last_seen_at, d.version, d.tags,
           d.custom_attributes, d.staging_user_id
      FROM device d
      JOIN organization o ON o.id = d.organization_id
      LEFT JOIN app_user u ON u.id = d.user_id
"""
_FIND = Query("device.find", f"{COLUMNS} WHERE d.id = :id AND d.deleted_at IS NULL")
_FIND_EACH = SetQuery(
    "device.find_each",
    "id uuid",
    f"{COLUMNS} JOIN asked ON asked.id = d.id WHERE d.deleted_at IS NULL",
    # One after the other: of a table that has grown since the server last counted its rows, the
    # planner would read all.
    postgres=f"""SELECT found.* FROM asked CROSS JOIN LATERAL ({COLUMNS}
     WHERE d.id = asked.id AND d.deleted_at IS NULL OFFSET 0) AS found""",
)
_OF_USER = Query(
    "device.of_user",
    f"{COLUMNS} WHERE d.user_id = :user_id AND d.deleted_at IS NULL ORDER BY d.id LIMIT 1000",
)
_LEFT_BEHIND = Query(
    "device.left_behind",
    """
    SELECT 1 AS found FROM device d
      JOIN app_user u ON u.id = d.user_id
      JOIN organization o ON o.id = d.organization_id
      JOIN organization his ON his.id = u.organization_id
     WHERE d.user_id = :user_id AND d.deleted_at IS NULL
       AND substr(o.path, 1, length(his.path)) <> his.path
     LIMIT 1
    """,
)
_WITH_EXTERNAL_ID = Query(
    "device.with_external_id",
    """
    SELECT d.id FROM device d
     WHERE d.organization_id = :organization_id AND d.external_id = :external_id
       AND d.external_id <> '' AND d.deleted_at IS NULL
    """,
)
_INSERT = Query(
    "device.insert",
    """
    INSERT INTO device (id, organization_id, user_id, name, platform, ownership, state, model,
                        os_version, serial, imei, udid, sim, asset_number, external_id,
                        registered_at, tags, custom_attributes)
    VALUES (:id, :organization_id, :user_id, :name, :platform, :ownership, :state, :model,
            :os_version, :serial, :imei, :udid, :sim, :asset_number, :external_id, :registered_at,
            :tags, :custom_attributes)
    """,
)
_INSERT_EACH = SetQuery(
    "device.insert_each",
    """id uuid, organization_id uuid, user_id uuid, name text, platform text, ownership text,
    state text, model text, os_version text, serial text, imei text, udid text, sim text,
    asset_number text, external_id text, registered_at bigint, tags text,
    custom_attributes text""",
    """
    INSERT INTO device (id, organization_id, user_id, name, platform, ownership, state, model,
                        os_version, serial, imei, udid, sim, asset_number, external_id,
                        registered_at, tags, custom_attributes)
    SELECT id, organization_id, user_id, name, platform, ownership, state, model, os_version,
           serial, imei, udid, sim, asset_number, external_id, registered_at, tags,
           custom_attributes
      FROM asked WHERE 1 = 1
        ON CONFLICT DO NOTHING
    RETURNING id
    """,
)
_CHANGE = Query(
    "device.change",
    """
    UPDATE device
       SET name = :name, ownership = :ownership, model = :model, os_version = :os_version,
           serial = :serial, imei = :imei, udid = :udid, sim = :sim,
           asset_number = :asset_number, external_id = :external_id, tags = :tags,
           custom_attributes = :custom_attributes, version = version + 1
     WHERE id = :id AND deleted_at IS NULL AND version = :version
    """,
)
_ANSWER_EACH = SetQuery(
    "device.answer_each",
    "id uuid, ownership text, asset_number text",
    # What is on record stays: an answer only fills what nobody wrote down.
    """
    UPDATE device
       SET ownership = CASE WHEN device.ownership = 'none' AND asked.ownership <> ''
                            THEN asked.ownership ELSE device.ownership END,
           asset_number = COALESCE(NULLIF(device.asset_number, ''), asked.asset_number)
      FROM asked
     WHERE device.id = asked.id
    RETURNING device.id
    """,
)
_SEEN = Query("device.seen", "UPDATE device SET last_seen_at = :now WHERE id = :id")
_COUNTS = Query(
    "device.counts",
    """
    SELECT d.state, count(*) AS found
      FROM device d JOIN organization o ON o.id = d.organization_id
     WHERE d.deleted_at IS NULL AND o.path >= :path AND o.path < :path_end
     GROUP BY d.state
    """,
)
_LIST = Listing(
    "devices",
    f"{COLUMNS} WHERE d.deleted_at IS NULL",
    id="d.id",
    path="o.path",
    sorts={
        "registered_at": "d.id",
        "name": 'lower(d.name) COLLATE "C"',
        "user": "COALESCE(u.username_folded, '') COLLATE \"C\"",
        "platform": "d.platform",
        "state": "d.state",
        "enrolled_at": "COALESCE(d.enrolled_at, 0)",
        "last_seen_at": "COALESCE(d.last_seen_at, 0)",
    },
    default_sort="-registered_at",
    filters={
        "state": "d.state = :state",
        "platform": "d.platform = :platform",
        "ownership": "d.ownership = :ownership",
        "user": "d.user_id = :user",
        "external_id": "d.external_id = :external_id",
        "without_staff": NOT_STAFF.format(user="d.user_id"),
    },
    veil={
        "u.id = d.user_id": f"u.id = d.user_id AND {NAMED_WITHIN}",
    },
    narrowing=Narrowing(
        "devices",
        "device",
        (
            Searched("lower(d.name)", "lower(n.name)", "SELECT n.id FROM device n"),
            by_owner("device"),
            *(
                Searched(
                    f"lower(d.{name})",
                    f"lower(n.{name})",
                    "SELECT n.id FROM device n",
                    where=f"n.{name} <> ''",
                )
                for name in ("serial", "asset_number")
            ),
            Searched("lower(d.model)", "lower(n.model)", "SELECT n.id FROM device n", begins=False),
        ),
        {
            "state": {
                state: f"SELECT d.id FROM device d WHERE d.state = '{state}'"
                for state in ("blocked", "unenrolled")
            },
        },
    ),
    indexed=("name",),
    through={
        "user": Through(
            'u.username_folded COLLATE "C"',
            {
                "FROM device d\n": "FROM app_user u CROSS JOIN device d\n",
                "LEFT JOIN app_user u ON u.id = d.user_id\n": "",
            },
            "d.user_id = u.id",
            "d.user_id IS NULL",
        ),
    },
)
_SLICING = Slicing(
    f"{COLUMNS} WHERE d.deleted_at IS NULL",
    path="o.path",
    discreet=NOT_STAFF.format(user="d.user_id"),
    ids={"id": "d.id"},
    texts={"name": "d.name", "external_id": "d.external_id"},
)


def find(tx: Reader, device_id: Id) -> Device | None:
    """The device with this id, unless deleted."""
    row = tx.one(_FIND, id=device_id)
    return None if row is None else made_of(row)


def read_ahead(ahead: ReadAhead, device_ids: Iterable[Id]) -> None:
    """Have asked what `find` will ask for these."""
    asked = set(device_ids)

    def know(rows: list[Row]) -> None:
        found = {row["id"]: [row] for row in rows}
        for each in asked:
            ahead.know(_FIND, found.get(each, []), id=each)

    ahead.ask(_FIND_EACH, [{"id": each} for each in asked], know)


def of_user(tx: Reader, user_id: Id) -> list[Device]:
    """A user's devices, the oldest first; no more than a thousand."""
    return [made_of(row) for row in tx.all(_OF_USER, user_id=user_id)]


def left_behind(tx: Reader, user_id: Id) -> bool:
    """Whether a device of his stands neither in his organization nor below it."""
    return tx.one(_LEFT_BEHIND, user_id=user_id) is not None


def with_external_id(tx: Reader, organization_id: Id, external_id: str) -> Id | None:
    """The device of an organization that another system calls so."""
    row = tx.one(_WITH_EXTERNAL_ID, organization_id=organization_id, external_id=external_id)
    return None if row is None else str(row["id"])


def insert(tx: Tx, device: Device) -> None:
    """Add a device.

    Raises:
        UniqueViolation: its external id is taken in the organization.
    """
    tx.run(_INSERT, **row_of(device))


def insert_each(tx: Tx, made: Iterable[Device]) -> set[Id]:
    """Add devices; the ids of those that were added: not where its external id is taken."""
    return {row["id"] for row in tx.each(_INSERT_EACH, [row_of(each) for each in made])}


def row_of(device: Device) -> dict[str, object]:
    """What the inserting statements take."""
    return {
        "organization_id": device.organization_id,
        "user_id": device.user_id,
        "platform": device.platform.value,
        "state": device.state.value,
        "registered_at": device.registered_at,
        **_editable(device),
    }


def change(tx: Tx, device: Device, expected_version: int) -> bool:
    """Write what can be edited of a device; False when somebody else was first."""
    return tx.run(_CHANGE, version=expected_version, **_editable(device)) == 1


def answer(tx: Tx, answers: Mapping[Id, Answers]) -> None:
    """Keep what users said of the devices that they enroll."""
    asked = [
        {"id": device_id, "ownership": said.ownership, "asset_number": said.asset_number}
        for device_id, said in answers.items()
    ]
    if asked:
        tx.each(_ANSWER_EACH, asked)


def seen(tx: Tx, device_id: Id) -> None:
    """The device proved itself now."""
    tx.run(_SEEN, id=device_id, now=tx.now)


def counts(tx: Reader, path: str) -> dict[str, int]:
    """How many devices of a subtree are in which state."""
    return {
        row["state"]: row["found"] for row in tx.all(_COUNTS, path=path, path_end=path_end(path))
    }


def page(tx: Reader, request: PageRequest) -> Page[Device] | Refusal:
    """Devices of a subtree."""
    return _LIST.page(tx, request, made_of)


def selected(tx: Reader, path: str, wanted: Selection, *, discreetly: bool) -> Slice[Device]:
    """Devices of a subtree, by the fields `id`, `name`, `external_id`."""
    return _SLICING.take(tx, path, wanted, made_of, discreetly=discreetly)


def _editable(device: Device) -> dict[str, object]:
    return {
        "id": device.id,
        "name": device.name,
        "ownership": device.ownership.value,
        "model": device.model,
        "os_version": device.os_version,
        "serial": device.serial,
        "imei": device.imei,
        "udid": device.udid,
        "sim": device.sim,
        "asset_number": device.asset_number,
        "external_id": device.external_id,
        "tags": _packed(list(device.tags)),
        "custom_attributes": _packed(dict(device.custom_attributes)),
    }


def _packed(labels: list[str] | dict[str, str]) -> str:
    return json.dumps(labels, ensure_ascii=False, separators=(",", ":")) if labels else ""


def made_of(row: Row) -> Device:
    """A device as `COLUMNS` reads it."""
    return Device(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        user_id=row["user_id"],
        username=row["username"],
        name=row["name"],
        platform=Platform(row["platform"]),
        ownership=Ownership(row["ownership"]),
        state=DeviceState(row["state"]),
        model=row["model"],
        os_version=row["os_version"],
        serial=row["serial"],
        imei=row["imei"],
        udid=row["udid"],
        sim=row["sim"],
        asset_number=row["asset_number"],
        external_id=row["external_id"],
        registered_at=row["registered_at"],
        enrolled_at=row["enrolled_at"],
        last_seen_at=row["last_seen_at"],
        version=row["version"],
        tags=tuple(json.loads(row["tags"])) if row["tags"] else (),
        custom_attributes=json.loads(row["custom_attributes"]) if row["custom_attributes"] else {},
        staging_user_id=row["staging_user_id"],
    )
