"""Register: a device is announced for a user, and gets its enrollment.

`Register` makes the device and its first enrollment; `Issue` makes a further enrollment for a
device that is registered and has none live (ruling 29). Both send the token, or show it once to
a caller who holds `enrollments:reveal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller, CallerKind
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.lifecycle import DeviceState, shown_state
from enlist.core.model import (
    Device,
    Enrollment,
    GrantKind,
    Organization,
    Ownership,
    Platform,
    Source,
    User,
)
from enlist.core.outcomes import Done, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.core.policy import EnrollmentPolicy
from enlist.core.secrets import Secret
from enlist.store import (
    device_moves,
    devices,
    endings,
    enrollment_secrets,
    enrollments,
    events,
    organizations,
    users,
)
from enlist.store.enrollments import NewEnrollment
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import labels
from enlist.verbs.caps import send_cap
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.finding import (
    beyond,
    device_named,
    enrollment_named,
    organization_named,
    user_named,
)
from enlist.verbs.issuing import (
    Delivery,
    Issued,
    Prepared,
    Target,
    check_template,
    crowded,
    hand_over,
    prepare,
)
from enlist.verbs.rights import lacks, missing

_SOURCES: Final = {
    CallerKind.USER: Source.CONSOLE,
    CallerKind.API_KEY: Source.API,
    CallerKind.HOST: Source.COMMAND_LINE,
}


NOT_HIS: Final = "must be the user's organization or one below it, where the user may enroll"
"""What is said of an organization in which a user's device cannot be."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Where and for whom, and the settings in force there."""

    organization: Organization
    user: User | None
    policy: EnrollmentPolicy
    device: Device | None = None


class Places:
    """Where devices are registered, in one snapshot: what many rows would ask is asked once."""

    def __init__(self, tx: Reader, caller: Caller) -> None:
        self._tx = tx
        self._caller = caller
        self._named: dict[str, Organization | Refusal] = {}
        self._policies: dict[tuple[Id, Delivery], EnrollmentPolicy | Refusal] = {}

    def named(self, named: str) -> Organization | Refusal:
        """The organization with this id or Group ID."""
        found = self._named.get(named)
        if found is None:
            found = self._named[named] = organization_named(self._tx, self._caller, named)
        return found

    def policy(
        self, tools: Tools, organization: Organization, message: Delivery
    ) -> EnrollmentPolicy | Refusal:
        """The settings in force there, where the caller may register and there is room."""
        key = organization.id, message
        found = self._policies.get(key)
        if found is None:
            found = self._policies[key] = self._policy(organization.path, message)
        if isinstance(found, Refusal):
            return found
        return crowded(tools, self._tx, Subjects(organization.id)) or found

    def _policy(self, path: str, message: Delivery) -> EnrollmentPolicy | Refusal:
        refusal = lacks(self._caller, Permission.DEVICES_REGISTER, path)
        refusal = refusal or check_template(self._tx, message, path)
        return refusal or organizations.policy(self._tx, path)


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything that is to be written."""

    device: Device
    fresh_device: bool
    prepared: Prepared


class _Issuing(Verb[Seen, Ready, Issued]):
    """What Register and Issue share: a new enrollment, and its token handed over."""

    message: Delivery
    expires_at: int | None
    grant: GrantKind

    def prepare(self, tools: Tools, caller: Caller, seen: Seen, device: Device) -> Ready | Refusal:
        """Everything slow about a new enrollment for this device."""
        target = Target(
            enrollment_id=new_id(tools.clock()),
            generation=1,
            device_id=device.id,
            device_name=device.name,
            organization_id=device.organization_id,
            path=seen.organization.path,
            user=seen.user,
            grant=self.grant,
        )
        prepared = prepare(tools, caller, target, seen.policy, self.message, self.expires_at)
        if isinstance(prepared, Refusal):
            return prepared
        return Ready(device, seen.device is None, prepared)

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Issued] | Refusal:
        return send_cap(tx, ready.prepared) or self.write(tx, caller, ready)

    def write(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Issued]:
        """Device, enrollment, secret, message and event: all or nothing."""
        device, target = ready.device, ready.prepared.target
        within = target.path if ready.fresh_device else ""
        if target.user is not None and not users.hold(tx, target.user.id, within):
            raise ConcurrentChange
        if ready.fresh_device:
            devices.insert(tx, device)
        elif device_moves.hold(tx, device.id):
            endings.make_room(tx, caller, target.subjects)
        else:
            raise ConcurrentChange
        enrollments.insert(tx, new_enrollment(ready.prepared, caller))
        kind = "device.registered" if ready.fresh_device else "enrollment.issued"
        return hand_over(tx, caller, ready.prepared, kind, self.told(device))

    def told(self, device: Device) -> dict[str, str | int]:
        """What the log is told beside what every issue tells."""
        return {"platform": device.platform.value}

    def clash(self, index: str) -> Refusal | None:
        if "external_id" in index:
            return invalid("external_id", "another device here has it")
        if "enrollment" in index:
            return Refusal("enrollment_exists")
        return None

    def made(self, value: Issued) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.enrollment_id


@dataclass(frozen=True)
class Register(_Issuing):
    """Register a device for a user and issue its enrollment.

    Attributes:
        organization: id or Group ID; "" for where the user's devices go.
        user: id or user name.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `email_missing`, `phone_missing`,
    `no_channel`, `sms_cap_reached`, `recipient_cap_reached`, `too_many_enrollments`.
    """

    organization: str
    user: str
    details: DeviceDetails
    message: Delivery = Delivery()  # noqa: RUF009
    expires_at: int | None = None
    grant: GrantKind = GrantKind.REGISTRATION_TOKEN

    name = "register"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        return self.look_among(tools, tx, caller, Places(tx, caller))

    def look_among(
        self, tools: Tools, tx: Reader, caller: Caller, places: Places
    ) -> Seen | Refusal:
        """The same among many, who have most of what is asked in common."""
        errors = self.details.problems()
        if errors:
            return Refusal("validation_failed", fields=errors)
        user = user_named(tx, caller, self.user)
        if isinstance(user, Refusal):
            return user
        organization = places.named(self.organization or user.enrolls_at)
        if isinstance(organization, Refusal):
            return organization
        refusal = beyond(tx, caller, user.id, Subjects(organization.id, user.id))
        if refusal is not None:
            return refusal
        if not user.may_have_at(organization.path):
            return invalid("organization", NOT_HIS)
        policy = places.policy(tools, organization, self.message)
        return policy if isinstance(policy, Refusal) else Seen(organization, user, policy)

    def look_at(
        self, tools: Tools, tx: Reader, caller: Caller, organization: Organization
    ) -> EnrollmentPolicy | Refusal:
        """Whether it can be done there, whoever the user is; the settings in force there."""
        refusal = lacks(caller, Permission.DEVICES_REGISTER, organization.path)
        return refusal or self.settings_at(tools, tx, organization)

    def settings_at(
        self, tools: Tools, tx: Reader, organization: Organization
    ) -> EnrollmentPolicy | Refusal:
        """The settings in force there, where there is room and the template that was named."""
        refusal = check_template(tx, self.message, organization.path)
        refusal = refusal or crowded(tools, tx, Subjects(organization.id))
        return refusal or organizations.policy(tx, organization.path)

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        return self.prepare(tools, caller, seen, self.new_device(seen, tools.clock()))

    def new_device(self, seen: Seen, now: int, device_id: Id = "") -> Device:
        """The device as it is written; with an id of its own where none is given."""
        details, user = self.details.stored(), seen.user
        return Device(
            id=device_id or new_id(now),
            organization_id=seen.organization.id,
            organization_path=seen.organization.path,
            group_id=seen.organization.group_id,
            user_id=user.id if user else None,
            username=user.username if user else "",
            name=details.name,
            platform=Platform(details.platform),
            ownership=Ownership(details.ownership),
            state=DeviceState.REGISTERED,
            model=details.model,
            os_version=details.os_version,
            serial=details.serial,
            imei=details.imei,
            udid=details.udid,
            sim=details.sim,
            asset_number=details.asset_number,
            external_id=details.external_id,
            registered_at=now,
            enrolled_at=None,
            last_seen_at=None,
            version=1,
            tags=labels.tags(details.tags),
            custom_attributes=labels.attributes(details.custom_attributes or {}),
        )


@dataclass(frozen=True)
class Issue(_Issuing):
    """Issue a new enrollment for a registered device that has none live.

    Refusals: `not_found`, `forbidden`, `device_enrolled`, `enrollment_exists`, `conflict` where
    its user was deleted, `too_many_enrollments`, and the delivery's.
    """

    device_id: Id
    message: Delivery = Delivery()  # noqa: RUF009
    expires_at: int | None = None
    grant: GrantKind = GrantKind.REGISTRATION_TOKEN

    name = "issue"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        device = device_named(tx, caller, self.device_id, Permission.ENROLLMENTS_ISSUE)
        if isinstance(device, Refusal):
            return device
        about = device.subjects
        refusal = beyond(tx, caller, device.user_id, about)
        if refusal is not None:
            return refusal
        if device.state is not DeviceState.REGISTERED:
            return Refusal("device_enrolled", about=about)
        user = users.find(tx, device.user_id) if device.user_id else None
        if device.user_id and user is None:
            detail = "Its user was deleted. Register the device anew for whoever has it now."
            return Refusal("conflict", detail=detail, about=about)
        organization = organizations.find(tx, device.organization_id)
        if organization is None:
            return missing("organization")
        refusal = check_template(tx, self.message, organization.path)
        refusal = refusal or crowded(tools, tx, about)
        if refusal is not None:
            return refusal
        policy = organizations.policy(tx, organization.path)
        return Seen(organization, user, policy, device)

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        assert seen.device is not None
        return self.prepare(tools, caller, seen, seen.device)


def new_enrollment(
    prepared: Prepared, caller: Caller, replaces_device_id: Id | None = None
) -> NewEnrollment:
    """An enrollment for one device, which may take the place of another."""
    target = prepared.target
    return NewEnrollment(
        id=target.enrollment_id,
        organization_id=target.organization_id,
        user_id=target.user.id if target.user else None,
        device_id=target.device_id,
        grant=target.grant,
        expires_at=prepared.expires_at,
        issued_by=caller.name,
        issuer_id=caller.id,
        replaces_device_id=replaces_device_id,
        source=source_of(caller, target.user),
    )


def source_of(caller: Caller, user: User | None) -> str:
    """Where an enrollment is being issued; whoever issues his own serves himself."""
    if user is not None and caller.id == user.id:
        return Source.SELF_SERVICE.value
    found = _SOURCES.get(caller.kind)
    return found.value if found else ""


@dataclass(frozen=True)
class IssuedAgain(QuickVerb[Issued, Issued]):
    """The answer of an earlier Register or Issue once more, for its Idempotency-Key.

    A token that was shown then is derived and shown again (ruling 25); that is an event too. One
    that replaced it is not, nor one of somebody who has more rights than the caller by now, nor
    one that is over or on hold: the key that made it may be gone. Nor one whose key has leaked.
    """

    enrollment_id: Id
    revealed: bool

    name = "issued_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Issued | Refusal:
        found = enrollment_named(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_READ)
        if isinstance(found, Refusal):
            return found
        if found.device_id is None:
            return missing("enrollment")
        token = self._token(tools, tx, caller, found) if self.revealed else None
        until, generation = found.expires_at, found.generation
        return Issued(found.id, found.device_id, until, generation, token, None, found.grant)

    def _token(self, tools: Tools, tx: Reader, caller: Caller, found: Enrollment) -> Secret | None:
        if not caller.may(Permission.ENROLLMENTS_REVEAL, found.organization_path):
            return None
        state = shown_state(found.state, found.expires_at, tx.now)
        if state != "active" or found.grant is not GrantKind.REGISTRATION_TOKEN:
            return None
        row = enrollment_secrets.first_derivation(tx, found.id)
        if row is None or row.generation != found.generation or row.leaked:
            return None
        if beyond(tx, caller, found.user_id, found.subjects) is not None:
            return None
        return tools.keys.derive_again(
            found.id, row.generation, row.key_id, row.length, row.alphabet
        )

    def apply(self, tx: Tx, caller: Caller, ready: Issued) -> Done[Issued]:
        if ready.token is not None:
            device = devices.find(tx, ready.device_id)
            about = Subjects(
                device.organization_id if device else None,
                device.user_id if device else None,
                ready.device_id,
                ready.enrollment_id,
            )
            events.record(tx, caller, Happening("enrollment.revealed", about, {"again": True}))
        return Done(ready)
