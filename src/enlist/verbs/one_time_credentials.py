"""One-time credentials: a device of a user is registered, and he is sent what enrolls it.

That is how self-service ends (seed 001): who showed the company passcode gets them at the address
that is on record, never at one that he typed (B14). Staff issues them for users as well, for
many at once (B16). They go by e-mail or SMS and are shown to nobody.

Who asks again gets no second device: his unused credentials for the same platform are made anew,
and whoever holds the old ones is told that newer ones were sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import HOUR
from enlist.core.ids import Id, new_id, parse_id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import (
    Device,
    Enrollment,
    GrantKind,
    Organization,
    Ownership,
    Platform,
    Source,
    User,
    UserState,
)
from enlist.core.outcomes import Done, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.core.policy import SETTINGS, EnrollmentPolicy
from enlist.store import devices, enrollments, organizations, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields, labels
from enlist.verbs.caps import credentials_cap, send_cap
from enlist.verbs.channels import CHANNELS, EMAIL, SMS
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.fields import Unfit
from enlist.verbs.finding import beyond, organization_named, user_named
from enlist.verbs.issuing import (
    Delivery,
    Issued,
    Prepared,
    Target,
    crowded,
    hand_over,
    prepare,
)
from enlist.verbs.register import NOT_HIS, new_enrollment
from enlist.verbs.rights import missing

_HOURS: Final = SETTINGS["passcode_credential_hours"]

PLATFORM_NAMES: Final = {
    Platform.ANDROID: "Android device",
    Platform.IOS: "iOS device",
    Platform.MACOS: "Mac",
    Platform.WINDOWS: "Windows computer",
    Platform.LINUX: "Linux computer",
}
"""How a device is called of which only that is known."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Where and for whom, the settings in force there, and what he has asked for before."""

    organization: Organization
    user: User
    policy: EnrollmentPolicy
    asked_for: Enrollment | None


@dataclass(frozen=True, slots=True)
class Ready:
    """Credentials that can be sent, for a device that is new or for one that waits for newer."""

    device: Device | None
    asked_for: Enrollment | None
    platform: str
    prepared: Prepared


@dataclass(frozen=True)
class IssueCredentials(Verb[Seen, Ready, Issued]):
    """Send a user one-time credentials for a device of a platform.

    Attributes:
        user: id or user name.
        platform: of the device; it can be no other one.
        organization: id or Group ID of where the device will be; "" for where the user's devices
            go.
        passcode_id: the company passcode that they were got by; its use is counted when they are.
        hours: how long they live; None for the organization's `passcode_credential_hours`.
        tags: of the device.
        message: `email` or `sms`.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `user_not_allowed`, `email_missing`,
    `phone_missing`, `phone_invalid`, `no_channel`, `sms_cap_reached`, `recipient_cap_reached`,
    `too_many_enrollments`.
    """

    user: str
    platform: str
    organization: str = ""
    passcode_id: Id | None = None
    hours: int | None = None
    tags: Sequence[str] = ()
    message: str = EMAIL

    name = "issue_credentials"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        by_himself = caller.kind is CallerKind.SYSTEM
        found = _on_record(tx, self) if by_himself else _as_allowed(tx, caller, self)
        if isinstance(found, Refusal):
            return found
        user, organization = found
        refusal = self._unfit(user, organization)
        if refusal is not None:
            return refusal
        asked_for = None
        if by_himself:
            asked_for = enrollments.asked_for(tx, user.id, organization.id, self.platform)
        if asked_for is None and (refusal := crowded(tools, tx, _about(user, organization))):
            return refusal
        policy = organizations.policy(tx, organization.path)
        return Seen(organization, user, policy, asked_for)

    def _unfit(self, user: User, organization: Organization) -> Refusal | None:
        """What is wrong with what was asked for, or with him for whom."""
        problem = None if self.hours is None else _HOURS.problem(self.hours)
        if problem is not None:
            return invalid("hours", problem)
        if self.message not in CHANNELS:
            return invalid("message.type", "must be email or sms")
        errors = DeviceDetails("-", self.platform, tags=tuple(self.tags)).problems()
        if errors:
            return Refusal("validation_failed", fields=errors)
        if not user.may_have_at(organization.path):
            return invalid("organization", NOT_HIS)
        if user.state is not UserState.ACTIVE:
            about = _about(user, organization)
            return Refusal("user_not_allowed", reason="the user is disabled", about=about)
        return _misdialled(user) if self.message == SMS else None

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        now, before = tools.clock(), seen.asked_for
        device = None if before else self._device(seen, now)
        target = Target(
            enrollment_id=before.id if before else new_id(now),
            generation=before.generation + 1 if before else 1,
            device_id=(before.device_id or "") if before else device.id if device else "",
            device_name=before.device_name if before else device.name if device else "",
            organization_id=seen.organization.id,
            path=seen.organization.path,
            user=seen.user,
            grant=GrantKind.PASSCODE,
        )
        until = None if self.hours is None else now + self.hours * HOUR
        prepared = prepare(tools, caller, target, seen.policy, Delivery(self.message), until)
        if isinstance(prepared, Refusal):
            return prepared
        return Ready(device, before, self.platform, prepared)

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Issued] | Refusal:
        target = ready.prepared.target
        user_id = target.user.id if target.user else ""
        # One who asks twice at the same moment comes one after the other, and gets one device.
        if not users.hold(tx, user_id, within=target.path):
            raise ConcurrentChange
        if caller.kind is CallerKind.SYSTEM:
            asked = enrollments.asked_for(tx, user_id, target.organization_id, ready.platform)
            if (asked.id if asked else None) != (ready.asked_for.id if ready.asked_for else None):
                raise ConcurrentChange
        refusal = credentials_cap(tx, ready.prepared) or send_cap(tx, ready.prepared)
        return refusal or self._write(tx, caller, ready)

    def _write(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Issued]:
        """Device, enrollment, secrets, message and event: all or nothing."""
        prepared, target, device = ready.prepared, ready.prepared.target, ready.device
        if device is None:
            before = target.generation - 1
            if not enrollments.reissue(tx, target.enrollment_id, before, prepared.expires_at):
                raise ConcurrentChange
            enrollments.set_passcode(tx, target.enrollment_id, self.passcode_id)
            return hand_over(tx, caller, prepared, "enrollment.reissued", {})
        devices.insert(tx, device)
        new = new_enrollment(prepared, caller)
        if caller.kind is CallerKind.SYSTEM:
            new = replace(new, source=Source.SELF_SERVICE.value)
        enrollments.insert(tx, replace(new, passcode_id=self.passcode_id))
        return hand_over(tx, caller, prepared, "device.registered", {"platform": self.platform})

    def _device(self, seen: Seen, now: int) -> Device:
        user, place, platform = seen.user, seen.organization, Platform(self.platform)
        return Device(
            id=new_id(now),
            organization_id=place.id,
            organization_path=place.path,
            group_id=place.group_id,
            user_id=user.id,
            username=user.username,
            name=f"{user.display_name}'s {PLATFORM_NAMES[platform]}",
            platform=platform,
            ownership=Ownership.NONE,
            state=DeviceState.REGISTERED,
            model="",
            os_version="",
            serial="",
            imei="",
            udid="",
            sim="",
            asset_number="",
            external_id="",
            registered_at=now,
            enrolled_at=None,
            last_seen_at=None,
            version=1,
            tags=labels.tags(tuple(self.tags)),
        )

    def made(self, value: Issued) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.enrollment_id


def _on_record(tx: Reader, asked: IssueCredentials) -> tuple[User, Organization] | Refusal:
    """For whom and where, whoever he is: Enlist itself asks, for somebody who serves himself."""
    by_id = parse_id(asked.user)
    user = users.find(tx, by_id) if by_id else users.by_username(tx, asked.user)
    if user is None:
        return missing("user")
    named = asked.organization or user.enrolls_at
    place_id = parse_id(named)
    place = organizations.find(tx, place_id) if place_id else organizations.by_group_id(tx, named)
    return missing("organization") if place is None else (user, place)


def _as_allowed(
    tx: Reader, caller: Caller, asked: IssueCredentials
) -> tuple[User, Organization] | Refusal:
    """The same as far as the caller may."""
    user = user_named(tx, caller, asked.user)
    if isinstance(user, Refusal):
        return user
    named = asked.organization or user.enrolls_at
    place = organization_named(tx, caller, named, Permission.ENROLLMENTS_ISSUE)
    if isinstance(place, Refusal):
        return place
    return beyond(tx, caller, user.id, _about(user, place)) or (user, place)


def _about(user: User, organization: Organization) -> Subjects:
    return Subjects(organization.id, user.id)


def _misdialled(user: User) -> Refusal | None:
    """`phone_invalid` for a number that no network could dial: nothing is sent (B18)."""
    try:
        fit = fields.phone(user.phone) == user.phone
    except Unfit:
        fit = False
    return None if fit else Refusal("phone_invalid", about=Subjects(user_id=user.id))
