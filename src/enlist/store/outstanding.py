"""One-time JWTs that nobody used yet: what a device could still enroll with, as it is or reissued.

What was used, revoked or deleted is over; what has expired, or is on hold after a restore, is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from enlist.core.filtering import Selection
from enlist.core.ids import Id
from enlist.core.lifecycle import EnrollmentState
from enlist.store.of_devices import newest_of_each
from enlist.store.slices import Slice, Slicing
from enlist.store.tx import Query, Reader, Row, SetQuery
from enlist.store.users import NOT_STAFF

_SELECT = """
    SELECT e.id, e.device_id, d.name AS device_name, o.path AS organization_path, e.state,
           e.expires_at, e.issued_at"""
_PLACED = """
      JOIN device d ON d.id = e.device_id
      JOIN organization o ON o.id = e.organization_id
     WHERE e.grant_kind = 'one_time_jwt' AND e.state IN ('active', 'on_hold')
       AND e.deleted_at IS NULL AND d.deleted_at IS NULL
"""
_FIND = Query("outstanding.find", f"{_SELECT} FROM enrollment e {_PLACED} AND e.id = :id")
_OF_DEVICE_EACH = SetQuery(
    "outstanding.of_device_each",
    "device_id uuid",
    f"{_SELECT} FROM asked JOIN enrollment e ON e.device_id = asked.device_id {_PLACED}",
)
_SLICING = Slicing(
    f"{_SELECT} FROM enrollment e {_PLACED}",
    path="o.path",
    discreet=NOT_STAFF.format(user="e.user_id"),
    ids={"id": "e.id", "device": "e.device_id"},
)


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A one-time JWT that waits for its device; never the JWT itself."""

    id: Id
    device_id: Id
    device_name: str
    organization_path: str
    state: EnrollmentState
    expires_at: int
    issued_at: int


def find(tx: Reader, enrollment_id: Id) -> Outstanding | None:
    """The enrollment with this id, where it is by a one-time JWT and outstanding."""
    row = tx.one(_FIND, id=enrollment_id)
    return None if row is None else _outstanding(row)


def of_devices(tx: Reader, device_ids: Iterable[Id]) -> dict[Id, Outstanding]:
    """What each of these devices is to enroll with; those that have nothing are left out."""
    return newest_of_each(tx, _OF_DEVICE_EACH, device_ids, _outstanding)


def selected(tx: Reader, path: str, wanted: Selection, *, discreetly: bool) -> Slice[Outstanding]:
    """Those of a subtree, by the fields `id`, `device`."""
    return _SLICING.take(tx, path, wanted, _outstanding, discreetly=discreetly)


def _outstanding(row: Row) -> Outstanding:
    return Outstanding(
        id=row["id"],
        device_id=row["device_id"],
        device_name=row["device_name"],
        organization_path=row["organization_path"],
        state=EnrollmentState(row["state"]),
        expires_at=row["expires_at"],
        issued_at=row["issued_at"],
    )
