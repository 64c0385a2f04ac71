"""One row of a CSV import of an allow or a deny list: a device by one of its identifiers (A44-A47).

What is on the list already stays as it is, so the same file adds nothing the second time. Of a
deny list, a row that ends an enrolled device counts as *changed*: a preview shows how many would
end before anything does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from enlist.core.caller import Caller
from enlist.core.device_lists import DeviceList
from enlist.core.outcomes import Refusal
from enlist.core.restrictions import identifying
from enlist.verbs.device_lists import Entry, ForeseePut, PutOnList
from enlist.verbs.driver import Driver
from enlist.verbs.import_rows import Cells, Result, Wrong, formula, perform, told

if TYPE_CHECKING:
    from enlist.verbs.import_kinds import Process

DENY: Final = ("attribute_type", "device_attribute", "group_id")
ALLOW: Final = (*DENY, "ownership")
REQUIRED: Final = ("attribute_type", "device_attribute")

_COLUMN_OF: Final = {
    "entries.0.attribute": "attribute_type",
    "entries.0.value": "device_attribute",
    "entries.0.ownership": "ownership",
    "entries.0.group_id": "group_id",
}


def processing(kind: DeviceList) -> Process:
    """What does the rows of this list."""

    def process(
        driver: Driver, caller: Caller, given: Cells, place: str, *, rehearsal: bool
    ) -> Result | Wrong:
        return _put(driver, caller, _verb(kind, given, place), given, rehearsal=rehearsal)

    return process


def key_of(cells: Cells) -> tuple[str, ...]:
    """What tells a row from others: the device that it names, and the organization."""
    names = ("attribute_type", "device_attribute", "group_id")
    attribute, value, place = (cells.get(name, "").casefold() for name in names)
    return attribute, identifying(value) or value, place


def _verb(kind: DeviceList, cells: Cells, place: str) -> PutOnList:
    """Denied at the organization that the row names; allowed where the import is, to go there."""
    attribute, value = cells.get("attribute_type", "").lower(), cells.get("device_attribute", "")
    group_id = cells.get("group_id", "")
    if kind is DeviceList.DENY:
        return PutOnList(group_id or place, kind, (Entry(attribute, value),))
    ownership = cells.get("ownership", "").lower()
    return PutOnList(place, kind, (Entry(attribute, value, ownership, group_id),))


def _put(
    driver: Driver, caller: Caller, verb: PutOnList, cells: Cells, *, rehearsal: bool
) -> Result | Wrong:
    wrong = formula(cells)
    if wrong is not None:
        return wrong
    found = driver.view(ForeseePut(verb), caller)
    if isinstance(found, Refusal):
        return _told(found, cells)
    if found.differs:
        message = "is on the list already, but becomes something else there: take it off first"
        return Wrong("device_attribute", message)
    ends = bool(found.ends or found.unseen)
    if not found.added and not ends:
        return Result.UNCHANGED
    refusal = perform(driver, caller, verb, rehearsal=rehearsal)
    if refusal is not None:
        return _told(refusal, cells)
    return Result.CHANGED if ends else Result.MADE


def _told(refusal: Refusal, cells: Cells) -> Wrong:
    if refusal.code == "not_found" and cells.get("group_id"):
        message = f"there is no organization with the Group ID {cells['group_id']}"
        return Wrong("group_id", message)
    return told(refusal, _COLUMN_OF)
