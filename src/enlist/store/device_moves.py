"""What becomes of a device: each move is one statement with its conditions; its rows answer."""

from __future__ import annotations

from enlist.core.ids import Id
from enlist.core.model import Device, User
from enlist.store import announcing
from enlist.store.announcing import Of
from enlist.store.tx import Query, SetQuery, Tx

ENROLL_EACH = SetQuery(
    "device.enroll_each",
    "enrollment_id uuid, id uuid, model text, os_version text, serial text, imei text, udid text",
    # What the device reports fills what the administrator left empty; his name for it stays.
    """
    UPDATE device
       SET state = 'enrolled', enrolled_at = :now, last_seen_at = :now, version = version + 1,
           model = COALESCE(NULLIF(asked.model, ''), device.model),
           os_version = COALESCE(NULLIF(asked.os_version, ''), device.os_version),
           serial = COALESCE(NULLIF(device.serial, ''), asked.serial),
           imei = COALESCE(NULLIF(device.imei, ''), asked.imei),
           udid = COALESCE(NULLIF(device.udid, ''), asked.udid)
      FROM asked
     WHERE device.id = asked.id AND device.state = 'registered' AND device.deleted_at IS NULL
    RETURNING device.id
    """,
)
_DELETE = Query(
    "device.delete",
    """
    UPDATE device
       SET deleted_at = :now, version = version + 1,
           state = CASE WHEN state = 'enrolled' THEN 'unenrolled' ELSE state END
     WHERE id = :id AND deleted_at IS NULL
    """,
)
_RESET = Query(
    "device.reset",
    # A blocked device stays so: to let it in again is another decision.
    """
    UPDATE device
       SET state = CASE WHEN state = 'blocked' THEN state ELSE 'registered' END,
           enrolled_at = NULL, version = version + 1
     WHERE id = :id AND version = :version AND deleted_at IS NULL
    """,
)
_REASSIGN = Query(
    "device.reassign",
    """
    UPDATE device
       SET state = CASE WHEN state = 'blocked' THEN state ELSE 'registered' END,
           enrolled_at = NULL, version = version + 1, user_id = :user_id,
           organization_id = :organization_id, staging_user_id = NULL
     WHERE id = :id AND version = :version AND deleted_at IS NULL
    """,
)
_HAND_OUT = Query(
    "device.hand_out",
    # It stays enrolled, so whoever staged it must be trusted to at this very moment.
    """
    UPDATE device
       SET user_id = :user_id, organization_id = :organization_id,
           staging_user_id = :staging_user_id, version = version + 1
     WHERE id = :id AND version = :version AND state = 'enrolled' AND deleted_at IS NULL
       AND EXISTS (SELECT 1 FROM app_user s
                    WHERE s.id = :staged_by AND s.staging = :staging AND s.deleted_at IS NULL)
    """,
)
_MOVE = Query(
    "device.move",
    """
    UPDATE device SET organization_id = :organization_id, version = version + 1
     WHERE id = :id AND version = :version AND state = 'registered' AND deleted_at IS NULL
    """,
)
_FOLLOW = Query(
    "device.follow",
    """
    UPDATE device SET organization_id = :organization_id, version = version + 1
     WHERE id = :id AND version = :version AND state IN ('registered', 'unenrolled')
       AND deleted_at IS NULL
    """,
)
_RETIRE = Query(
    "device.retire",
    """
    UPDATE device
       SET state = CASE WHEN state = 'blocked' THEN state ELSE 'unenrolled' END,
           version = version + 1
     WHERE id = :id AND version = :version AND deleted_at IS NULL
    """,
)
_UNENROLL_OF_USER = Query(
    "device.unenroll_of_user",
    """
    UPDATE device SET state = 'unenrolled', version = version + 1
     WHERE user_id = :user_id AND state = 'enrolled' AND deleted_at IS NULL
    """,
)
_ENROLLED_OF_USER = Query(
    "device.enrolled_of_user",
    """
    SELECT d.id FROM device d
     WHERE d.user_id = :user_id AND d.state = 'enrolled' AND d.deleted_at IS NULL ORDER BY d.id
    """,
)
_HOLD_TEXT = """
    SELECT d.id FROM device d
     WHERE d.id = :id AND d.state = 'registered' AND d.deleted_at IS NULL
"""
_HOLD = Query(
    "device.hold",
    _HOLD_TEXT,
    # A deletion or redemption under way is waited for, and waits.
    postgres=f"{_HOLD_TEXT} FOR SHARE",
)
_HOLD_ENROLLED_TEXT = """
    SELECT d.id FROM device d
     WHERE d.id = :id AND d.state = 'enrolled' AND d.deleted_at IS NULL
"""
_HOLD_ENROLLED = Query(
    "device.hold_enrolled", _HOLD_ENROLLED_TEXT, postgres=f"{_HOLD_ENROLLED_TEXT} FOR SHARE"
)


def hold(tx: Tx, device_id: Id) -> bool:
    """Keep a device registered until this transaction ends; False when it is not any more."""
    return tx.one(_HOLD, id=device_id) is not None


def hold_enrolled(tx: Tx, device_id: Id) -> bool:
    """Keep a device enrolled until this transaction ends; False when it is not any more.

    For whatever gives an enrolled device another credential: without it, a reset at the same
    moment would not see the new one, and leave it alive (D21).
    """
    return tx.one(_HOLD_ENROLLED, id=device_id) is not None


def reset(tx: Tx, device_id: Id, expected_version: int) -> bool:
    """A device is registered again, unless blocked; False when it has changed since it was seen."""
    announcing.ended(tx, Of.DEVICE, device_id)
    return tx.run(_RESET, id=device_id, version=expected_version) == 1


def reassign(
    tx: Tx, device_id: Id, expected_version: int, user_id: Id, organization_id: Id
) -> bool:
    """A device is somebody else's, and registered again; False when it has changed meanwhile."""
    announcing.ended(tx, Of.DEVICE, device_id)
    changed = tx.run(
        _REASSIGN,
        id=device_id,
        version=expected_version,
        user_id=user_id,
        organization_id=organization_id,
    )
    return changed == 1


def hand_out(
    tx: Tx,
    device: Device,
    *,
    user_id: Id,
    organization_id: Id,
    staged_by: User,
    returns_to: Id | None,
) -> bool:
    """An enrolled device is somebody else's and stays enrolled; False when anything has changed.

    Args:
        staged_by: the staging user, with the type that allows it.
        returns_to: the staging user to whom it comes back.
    """
    announcing.ended(tx, Of.DEVICE, device.id)
    changed = tx.run(
        _HAND_OUT,
        id=device.id,
        version=device.version,
        user_id=user_id,
        organization_id=organization_id,
        staging_user_id=returns_to,
        staged_by=staged_by.id,
        staging=staged_by.staging.value,
    )
    return changed == 1


def move(tx: Tx, device_id: Id, expected_version: int, organization_id: Id) -> bool:
    """A registered device is in another organization; False when it has changed meanwhile."""
    asked = {"id": device_id, "version": expected_version, "organization_id": organization_id}
    return tx.run(_MOVE, **asked) == 1


def follow(tx: Tx, device_id: Id, expected_version: int, organization_id: Id) -> bool:
    """A device goes where its user went; False when it has changed meanwhile, or is enrolled."""
    asked = {"id": device_id, "version": expected_version, "organization_id": organization_id}
    return tx.run(_FOLLOW, **asked) == 1


def retire(tx: Tx, device_id: Id, expected_version: int) -> bool:
    """Another device took its place; False when it has changed since it was seen."""
    announcing.ended(tx, Of.DEVICE, device_id)
    return tx.run(_RETIRE, id=device_id, version=expected_version) == 1


def delete(tx: Tx, device_id: Id) -> bool:
    """Take a device out of every list; the row stays for events and the CRL (ruling 29)."""
    announcing.ended(tx, Of.DEVICE, device_id)
    return tx.run(_DELETE, id=device_id, now=tx.now) == 1


def unenroll_of_user(tx: Tx, user_id: Id) -> list[Id]:
    """The enrolled devices of a user are enrolled no more; answer which they were."""
    found = [row["id"] for row in tx.all(_ENROLLED_OF_USER, user_id=user_id)]
    announcing.ended(tx, Of.USER, user_id)
    tx.run(_UNENROLL_OF_USER, user_id=user_id)
    return found
