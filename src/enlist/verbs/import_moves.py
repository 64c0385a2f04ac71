"""One row of a CSV import that moves registrations to another organization (A43, A47).

A row names a user and, where it shall be one device of his alone, that device as other imports
do; else all of his that wait to enroll. One that is there already stays, so the same file changes
nothing the second time. What is enrolled is not moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device
from enlist.core.outcomes import Refusal, invalid
from enlist.store import devices
from enlist.store.tx import Reader
from enlist.verbs.driver import Driver, View
from enlist.verbs.import_rows import (
    Cells,
    Result,
    Wrong,
    device_of,
    formula,
    perform,
    told,
    whom_and_where,
)
from enlist.verbs.move import MoveDevice

_NAMING: Final = ("friendly_name", "serial", "imei", "udid")
COLUMNS: Final = ("username", "new_group_id", *_NAMING)
REQUIRED: Final = ("username",)
_COLUMN_OF: Final = {"organization": "new_group_id"}


def process(
    driver: Driver, caller: Caller, given: Cells, place: str, *, rehearsal: bool
) -> Result | Wrong:
    """Do a row, or with `rehearsal` only see what would come of it."""
    wrong = formula(given)
    if wrong is not None:
        return wrong
    found = driver.view(_Moved(given, given.get("new_group_id") or place), caller)
    if isinstance(found, Refusal):
        return told(found, _COLUMN_OF)
    for device in found.devices:
        verb = MoveDevice(device.id, found.organization_id)
        refusal = perform(driver, caller, verb, rehearsal=rehearsal)
        if refusal is not None:
            return told(refusal, _COLUMN_OF)
    return Result.CHANGED if found.devices else Result.UNCHANGED


@dataclass(frozen=True, slots=True)
class _Moves:
    """What a row moves, and where to."""

    organization_id: Id
    devices: tuple[Device, ...]


@dataclass(frozen=True)
class _Moved(View[_Moves]):
    """The devices that a row means and that are not there yet; refused where it means none."""

    cells: Cells
    place: str

    def read(self, tx: Reader, caller: Caller) -> _Moves | Refusal:
        meant = whom_and_where(tx, caller, self.cells, self.place)
        if isinstance(meant, Refusal):
            return meant
        user, to = meant
        held = devices.of_user(tx, user.id)
        if any(self.cells.get(name) for name in _NAMING):
            named = device_of(held, self.cells)
            if named is None:
                return invalid("username", "has no such device")
            found = [named]
        else:
            found = [each for each in held if each.state is DeviceState.REGISTERED]
        if not found:
            return invalid("username", "has no device that waits to enroll")
        away = tuple(each for each in found if each.organization_id != to.id)
        return _Moves(to.id, away)
