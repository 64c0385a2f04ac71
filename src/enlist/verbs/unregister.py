"""Unregister: a registration is deleted by what is written on the device (A69).

Whoever cleans up after an inventory has serial, UDID or asset numbers, and no ids. A number names
a device where exactly one is registered under it, in sight of the caller: of two, neither is
deleted. What is enrolled stays: ending that is another decision, taken on a device's own page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, organization_at
from enlist.core.outcomes import Done, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.store import device_moves, known_devices
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.fields import readable
from enlist.verbs.finding import device_named
from enlist.verbs.rights import missing
from enlist.verbs.views import scope

BY: Final = ("serial", "udid", "asset_number")
"""By what a registration can be named."""


_ENROLLED: Final = "It is not waiting to enroll any more. Delete the device itself, by its id."
_SEVERAL: Final = "More than one registration has this number. Delete the right one by its id."


@dataclass(frozen=True)
class Unregister(QuickVerb[Device, None]):
    """Delete the one registered device that has this number.

    Attributes:
        by: one of `BY`.
        organization: id or Group ID of where to look, and below; "" for the caller's own.

    Refusals: `not_found`, `forbidden`, `device_enrolled`, `conflict` where several have it,
    `validation_failed`.
    """

    by: str
    value: str
    organization: str = ""

    name = "unregister"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Device | Refusal:
        if self.by not in BY:
            return invalid("by", f"must be one of {', '.join(BY)}")
        path = scope(tx, caller, self.organization, Permission.DEVICES_DELETE)
        if isinstance(path, Refusal):
            return path
        value = self.value.strip()
        if not value or not readable(value):
            return invalid("values", "must be the number of a device")
        about = Subjects(organization_at(path))
        named = [
            device_named(tx, caller, each, Permission.DEVICES_READ)
            for each in known_devices.numbered(tx, path, self.by, value)
        ]
        found = [each for each in named if isinstance(each, Device)]
        waiting = [each for each in found if each.state is DeviceState.REGISTERED]
        if not found:
            return missing("device", about)
        if not waiting:
            return Refusal("device_enrolled", about=about, detail=_ENROLLED)
        if len(waiting) > 1:
            return Refusal("conflict", about=about, detail=_SEVERAL)
        return DeleteDevice(waiting[0].id).look(tools, tx, caller)

    def apply(self, tx: Tx, caller: Caller, ready: Device) -> Done[None] | Refusal:
        if not device_moves.hold(tx, ready.id):
            raise ConcurrentChange
        return DeleteDevice(ready.id).apply(tx, caller, ready)
