"""Replace: a new device for the same person; the old one ends when the new one is enrolled.

Until then the old one goes on working, so nobody is without a device. The moment itself is part
of the redemption (`store.replacements`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from enlist.core.caller import Caller
from enlist.core.ids import Id, new_id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, GrantKind, Platform
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Permission
from enlist.store import devices, enrollments, organizations, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.afresh import NewBeginning, Seen, grant_of, place_of
from enlist.verbs.caps import send_cap
from enlist.verbs.consequences import Foreseen, bind, foresee, outdated, standing
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.finding import beyond, device_named
from enlist.verbs.issuing import (
    LATER,
    Delivery,
    Prepared,
    Target,
    check_template,
    crowded,
    hand_over,
    prepare,
)
from enlist.verbs.register import new_enrollment


@dataclass(frozen=True, slots=True)
class Ready:
    """The new device, its token, and what ends once it is enrolled."""

    seen: Seen
    device: Device
    prepared: Prepared


@dataclass(frozen=True)
class Replace(Verb[Seen, Ready, NewBeginning]):
    """Register a device that takes the place of another.

    Attributes:
        device_id: the old one.
        device_name, platform, serial: the new one's; "" for the same name and platform.
        message, expires_at, grant, preview, version: as for `Reset`.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `precondition_failed`,
    `preview_outdated`, `conflict` where its user was deleted, `too_many_enrollments`, and the
    delivery's.
    """

    device_id: str
    device_name: str = ""
    platform: str = ""
    serial: str = ""
    message: Delivery = LATER
    expires_at: int | None = None
    grant: GrantKind | None = None
    preview: str = ""
    version: int | None = None

    name = "replace"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        old = device_named(tx, caller, self.device_id, Permission.DEVICES_REPLACE)
        if isinstance(old, Refusal):
            return old
        refusal = beyond(tx, caller, old.user_id, old.subjects) or self._unfit(old)
        if refusal is not None:
            return refusal
        user = users.find(tx, old.user_id) if old.user_id else None
        if old.user_id and user is None:
            detail = "Its user was deleted. Give the device to whoever has it now."
            return Refusal("conflict", detail=detail, about=old.subjects)
        place = place_of(tx, old.organization_id)
        if isinstance(place, Refusal):
            return place
        foreseen = bind("replace", standing(old), foresee(tx, old), tx.now)
        refusal = check_template(tx, self.message, place.path)
        refusal = refusal or crowded(tools, tx, old.subjects)
        refusal = refusal or outdated(self.preview, foreseen, old.subjects)
        if refusal is not None:
            return refusal
        policy = organizations.policy(tx, place.path)
        return Seen(old, user, place, policy, grant_of(tx, old.id, self.grant), foreseen)

    def _unfit(self, old: Device) -> Refusal | None:
        if self.version not in (None, old.version):
            return Refusal("precondition_failed", about=old.subjects)
        errors = self._details(old).problems()
        return Refusal("validation_failed", fields=errors) if errors else None

    def _details(self, old: Device) -> DeviceDetails:
        name, platform = self.device_name.strip() or old.name, self.platform or old.platform.value
        return DeviceDetails(name, platform, serial=self.serial)

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        old, now = seen.device, tools.clock()
        details = self._details(old).stored()
        device = replace(
            old,
            id=new_id(now),
            name=details.name,
            platform=Platform(details.platform),
            state=DeviceState.REGISTERED,
            serial=details.serial,
            # What a device has by itself, its successor does not have yet.
            model="",
            os_version="",
            imei="",
            udid="",
            sim="",
            asset_number="",
            external_id="",
            registered_at=now,
            enrolled_at=None,
            last_seen_at=None,
            version=1,
        )
        target = Target(
            enrollment_id=new_id(now),
            generation=1,
            device_id=device.id,
            device_name=device.name,
            organization_id=device.organization_id,
            path=seen.organization.path,
            user=seen.user,
            grant=seen.grant,
        )
        prepared = prepare(tools, caller, target, seen.policy, self.message, self.expires_at)
        return prepared if isinstance(prepared, Refusal) else Ready(seen, device, prepared)

    def foreseen(self, ready: Ready) -> Foreseen:
        """What a dry run answers."""
        return ready.seen.foreseen

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[NewBeginning] | Refusal:
        old, user = ready.seen.device, ready.seen.user
        refusal = send_cap(tx, ready.prepared)
        if refusal is not None:
            return refusal
        if user is not None and not users.hold(tx, user.id):
            raise ConcurrentChange
        there = devices.find(tx, old.id)
        if there is None or there.version != old.version:
            raise ConcurrentChange
        devices.insert(tx, ready.device)
        enrollments.insert(tx, new_enrollment(ready.prepared, caller, old.id))
        data = {"platform": ready.device.platform.value, "replaces": old.id}
        done = hand_over(tx, caller, ready.prepared, "device.registered", data)
        return Done(NewBeginning(done.value, ready.seen.foreseen), done.effects)

    def made(self, value: NewBeginning) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.issued.enrollment_id
