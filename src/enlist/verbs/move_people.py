"""Move people: somebody belongs to another organization from now on, with what waits for him.

His devices that are not enrolled go along, with their tokens, as one alone does by `MoveDevice`;
those that stand in his new organization or below it already stay. One that is enrolled elsewhere
holds him back: whoever works with it is to be told, by a reset. He leaves the groups that can have
him no longer, and keeps his roles, which name organizations of their own. Where he might enroll
before counts no more: it is all of his new organization.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Organization, User
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.core.permissions import Permission
from enlist.store import device_moves, devices, enrollments, events, groups, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.finding import organization_named
from enlist.verbs.rights import lacks
from enlist.verbs.users import editable_user, taken

MOVABLE: Final = frozenset({DeviceState.REGISTERED, DeviceState.UNENROLLED})
"""States of the devices that go along."""


@dataclass(frozen=True, slots=True)
class Going:
    """Who moves, where to, and the devices that go along."""

    user: User
    to: Organization
    devices: tuple[Device, ...]


@dataclass(frozen=True)
class MoveUser(QuickVerb[Going, User]):
    """Move a user, with his devices that are not enrolled, to another organization.

    Attributes:
        user: id or user name.
        organization: id or Group ID.

    Refusals: `not_found`, `forbidden`, `conflict` where he is there already, `device_enrolled`,
    `email_taken` where somebody there has his address.
    """

    user: str
    organization: str

    name = "move_user"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Going | Refusal:
        user = editable_user(tx, caller, self.user)
        if isinstance(user, Refusal):
            return user
        to = organization_named(tx, caller, self.organization, Permission.USERS_EDIT)
        if isinstance(to, Refusal):
            return to
        if to.id == user.organization_id:
            detail = "He is in this organization already."
            return Refusal("conflict", detail=detail, about=user.subjects)
        if users.email_at(tx, to.id, user.email):  # else a preview would not tell
            return Refusal("email_taken", about=user.subjects)
        held = devices.of_user(tx, user.id)
        away = tuple(each for each in held if not each.organization_path.startswith(to.path))
        for device in away:
            refusal = _held_back(caller, device, to)
            if refusal is not None:
                return refusal
        return Going(user, to, away)

    def apply(self, tx: Tx, caller: Caller, ready: Going) -> Done[User]:
        before, to = ready.user, ready.to
        # Enrollments first, then the devices, as a redemption locks them; he himself at last.
        for device in ready.devices:
            enrollments.move_of_device(tx, device.id, to.id)
            if not device_moves.follow(tx, device.id, device.version, to.id):
                raise ConcurrentChange
            _record_device(tx, caller, device, to)
        if not users.move(tx, before.id, before.version, to.id):
            raise ConcurrentChange
        # Registered since he was looked at; whoever registers one from now on waits for this.
        if devices.left_behind(tx, before.id):
            raise ConcurrentChange
        left = groups.leave_others(tx, before.id, to.path)
        moved = users.find(tx, before.id)
        assert moved is not None
        data: dict[str, str | int | bool | None] = {
            "from": before.organization_id,
            "to": to.id,
            "devices": len(ready.devices),
            "groups": left,
        }
        # Each organization has the event in its own log, and learns of the other one's id alone.
        for each in (before, moved):
            personal = {"user": each.username}
            events.record(tx, caller, Happening("user.moved", each.subjects, data, personal))
        return Done(moved)

    def clash(self, index: str) -> Refusal | None:
        return taken(index)


def _held_back(caller: Caller, device: Device, to: Organization) -> Refusal | None:
    """Why a device cannot go along, and so he cannot."""
    about, here = device.subjects, device.organization_path
    unseen = lacks(caller, Permission.DEVICES_READ, here, about)
    if unseen is not None:  # first: what holds him back is told by its name
        return unseen
    if device.state not in MOVABLE:
        detail = f"{device.name} is enrolled where he is now. Reset or delete it first."
        return Refusal("device_enrolled", detail=detail, about=about)
    refusal = lacks(caller, Permission.DEVICES_EDIT, here, about)
    return refusal or lacks(caller, Permission.DEVICES_EDIT, to.path, about)


def _record_device(tx: Tx, caller: Caller, device: Device, to: Organization) -> None:
    data = {"from": device.organization_id, "to": to.id}
    personal = {"device": device.name, "user": device.username}
    there = Subjects(to.id, device.subjects.user_id, device.id)
    for about in (device.subjects, there):
        events.record(tx, caller, Happening("device.moved", about, data, personal))
