"""Changing what is known of a device, and taking it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import Device, Ownership
from enlist.core.outcomes import Done, Drop, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.store import credentials, device_moves, devices, endings, enrollments, events
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields, labels
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.editing import before_and_after, edited_since, read_changes
from enlist.verbs.fields import Unfit
from enlist.verbs.finding import beyond, device_named
from enlist.verbs.naming import discreetly

TEXTS: Final = (
    "name",
    "model",
    "os_version",
    "serial",
    "imei",
    "udid",
    "sim",
    "asset_number",
    "external_id",
)
"""What is known of a device in one line each."""

EDITABLE: Final = (*TEXTS, "ownership", "tags", "custom_attributes")
"""What of a device can be edited (A31); platform and user cannot."""


def ownership(text: str) -> str:
    """Whose property a device is, in the word that is stored (A32)."""
    try:
        return Ownership(text.strip()).value
    except ValueError:
        raise Unfit(f"must be one of {', '.join(Ownership)}") from None


_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(TEXTS, fields.line),
    "name": fields.label,
    "ownership": ownership,
    "tags": labels.tags,
    "custom_attributes": labels.attributes,
}
_EMPTY: Final[Mapping[str, Any]] = {
    **dict.fromkeys(TEXTS, ""),
    "ownership": Ownership.NONE.value,
    "tags": (),
    "custom_attributes": {},
}


@dataclass(frozen=True, slots=True)
class Changing:
    """A device before and after."""

    before: Device
    after: Device


@dataclass(frozen=True)
class ChangeDevice(Verb[Device, Changing, Device]):
    """Change details of a device.

    Attributes:
        changes: field to new value; None empties it. Tags and custom attributes are given whole.
        version: the version that was edited; a newer one in the store refuses the change.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `precondition_failed`.
    """

    device_id: str
    changes: Mapping[str, Any]
    version: int | None = None

    name = "change_device"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Device | Refusal:
        found = device_named(tx, caller, self.device_id, Permission.DEVICES_EDIT)
        if isinstance(found, Refusal):
            return found
        refusal = beyond(tx, caller, found.user_id, found.subjects)
        return refusal or edited_since(found, self.version) or found

    def work(self, tools: Tools, caller: Caller, seen: Device) -> Changing | Refusal:
        wanted = read_changes(self.changes, _CHECKS, seen.subjects, _EMPTY)
        if isinstance(wanted, Refusal):
            return wanted
        owned = Ownership(wanted.pop("ownership", seen.ownership))
        return Changing(seen, replace(seen, ownership=owned, version=seen.version + 1, **wanted))

    def apply(self, tx: Tx, caller: Caller, ready: Changing) -> Done[Device] | Refusal:
        before, after = ready.before, ready.after
        if not devices.change(tx, after, before.version):
            raise ConcurrentChange
        changed = [key for key in EDITABLE if getattr(before, key) != getattr(after, key)]
        told = before_and_after(before, after, changed, as_typed)
        personal = {"device": after.name, "user": after.username, **told}
        data = {"fields": ", ".join(changed)}
        events.record(tx, caller, Happening("device.changed", after.subjects, data, personal))
        return Done(discreetly(tx, caller, [after])[0])

    def clash(self, index: str) -> Refusal | None:
        if "external_id" not in index:
            return None
        return invalid("external_id", "another device here has it")


def as_typed(device: Device, name: str) -> str:
    """What stands in a field of a device, as one types it."""
    if name == "tags":
        return labels.joined_tags(device.tags)
    if name == "custom_attributes":
        return labels.joined_attributes(device.custom_attributes)
    return str(getattr(device, name))


@dataclass(frozen=True)
class DeleteDevice(QuickVerb[Device, None]):
    """Delete a device: certificates revoked, enrollments gone, tokens unknown (A37, ruling 29).

    Refusals: `not_found`, `forbidden`.
    """

    device_id: str

    name = "delete_device"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Device | Refusal:
        found = device_named(tx, caller, self.device_id, Permission.DEVICES_DELETE)
        if isinstance(found, Refusal):
            return found
        return beyond(tx, caller, found.user_id, found.subjects) or found

    def apply(self, tx: Tx, caller: Caller, ready: Device) -> Done[None] | Refusal:
        if not device_moves.delete(tx, ready.id):
            raise ConcurrentChange
        revoked = credentials.revoke_of_device(tx, ready.id, "deleted")
        ended = endings.of_device(tx, caller, ready.id, "the device was deleted")
        enrollments.delete_of_device(tx, ready.id)
        data = {"credentials_revoked": revoked, "enrollments_revoked": ended}
        personal = {"device": ready.name, "user": ready.username}
        events.record(tx, caller, Happening("device.deleted", ready.subjects, data, personal))
        return Done(None, (Drop(ready.id),))
