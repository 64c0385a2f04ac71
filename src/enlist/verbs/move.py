"""Move: a registered device changes its organization before it has enrolled (A43).

Its token goes along: it keeps its value and its own expiry, and follows the settings and
restrictions of where it is now. What has ended stays where it was, with its events. A device that
is enrolled is not moved: it is reassigned or reset, so that whoever works with it is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Organization
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.store import device_moves, devices, enrollments, events, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.finding import beyond, device_named, organization_named
from enlist.verbs.naming import discreetly
from enlist.verbs.register import NOT_HIS
from enlist.verbs.rights import lacks


@dataclass(frozen=True, slots=True)
class Moving:
    """The device as it is, and where it goes."""

    device: Device
    to: Organization


@dataclass(frozen=True)
class MoveDevice(QuickVerb[Moving, Device]):
    """Move a registered device, and its live enrollment, to another organization.

    Attributes:
        organization: id or Group ID; its user's organization, or one below it.

    Refusals: `not_found`, `forbidden`, `device_enrolled`, `conflict` where it is there already,
    `validation_failed` for an organization that is not its user's.
    """

    device_id: str
    organization: str

    name = "move_device"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Moving | Refusal:
        device = device_named(tx, caller, self.device_id, Permission.DEVICES_EDIT)
        if isinstance(device, Refusal):
            return device
        about = device.subjects
        refusal = beyond(tx, caller, device.user_id, about)
        if refusal is None and device.state is not DeviceState.REGISTERED:
            refusal = Refusal("device_enrolled", about=about)
        if refusal is not None:
            return refusal
        place = organization_named(tx, caller, self.organization)
        if isinstance(place, Refusal):
            return place
        refusal = lacks(caller, Permission.DEVICES_EDIT, place.path, about)
        if refusal is None and place.id == device.organization_id:
            detail = "It is in this organization already."
            refusal = Refusal("conflict", detail=detail, about=about)
        user = users.find(tx, device.user_id) if device.user_id else None
        if refusal is None and user and not user.may_have_at(place.path):
            refusal = invalid("organization", NOT_HIS)
        return refusal or Moving(device, place)

    def apply(self, tx: Tx, caller: Caller, ready: Moving) -> Done[Device] | Refusal:
        device, to = ready.device, ready.to
        # Enrollments first, then the device: the order in which a redemption locks them.
        enrollments.move_of_device(tx, device.id, to.id)
        if not device_moves.move(tx, device.id, device.version, to.id):
            raise ConcurrentChange
        if device.user_id is not None and not users.hold(tx, device.user_id, within=to.path):
            raise ConcurrentChange  # he moved meanwhile, or is gone
        moved = devices.find(tx, device.id)
        assert moved is not None
        # Each organization has the event in its own log, and learns of the other one's id alone.
        data = {"from": device.organization_id, "to": to.id}
        personal = {"device": device.name, "user": device.username}
        for each in (device, moved):
            events.record(tx, caller, Happening("device.moved", each.subjects, data, personal))
        return Done(discreetly(tx, caller, [moved])[0])

    def clash(self, index: str) -> Refusal | None:
        if "external_id" in index:
            return invalid("organization", "another device there has the same external id")
        return None
