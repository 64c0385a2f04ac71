"""What a redemption enrolls: the presented enrollment's device, or what a sign-in leads to.

A sign-in has no enrollment. It claims the live one of the user's registered device, if there is
one, so that its token dies with it; else it makes an enrollment, and under `open` also the
device, in the same transaction that claims it (rulings 21, 28).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from enlist.core.access import Login
from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, GrantKind, Organization, Ownership, Platform, Sighting, Source
from enlist.core.outcomes import Refusal, Subjects, invalid
from enlist.store.allowances import Allowance
from enlist.store.credentials import NewCertificate
from enlist.store.enrollments import NewEnrollment
from enlist.store.limits import IdempotencyKey
from enlist.store.redemptions import DeviceReport, Redemption
from enlist.verbs.presenting import Found
from enlist.verbs.prompting import answers_of
from enlist.verbs.repeating import REPEATABLE
from enlist.verbs.restricting import said_ownership


@dataclass(frozen=True, slots=True)
class Target:
    """Which enrollment and device the claim is on, and what is made for it first."""

    enrollment_id: Id
    generation: int
    device_id: Id
    attempt_id: Id | None
    happening: Happening
    device: Device | None = None
    enrollment: NewEnrollment | None = None
    replaces_device_id: Id | None = None
    allowance: Allowance | None = None
    passcode_id: Id | None = None

    def claim(
        self,
        caller: Caller,
        report: DeviceReport,
        signed: NewCertificate | None,
        idempotency: IdempotencyKey | None,
    ) -> Redemption:
        """The claim, complete: plain values for the hot lane."""
        happening = Happening(
            self.happening.kind,
            self.happening.about,
            {**self.happening.data, "serial": signed.serial if signed else ""},
            self.happening.personal,
        )
        return Redemption(
            enrollment_id=self.enrollment_id,
            generation=self.generation,
            device_id=self.device_id,
            attempt_id=self.attempt_id,
            report=report,
            certificate=signed,
            happening=happening,
            caller=caller,
            fresh_device=self.device,
            fresh_enrollment=self.enrollment,
            idempotency=idempotency,
            idempotency_lifetime=REPEATABLE,
            replaces_device_id=self.replaces_device_id,
            allowance=self.allowance,
            passcode_id=self.passcode_id,
        )


def choose(found: Found, report: DeviceReport, now: int) -> Target | Refusal:
    """The enrollment and device to claim.

    Refusals: `platform_mismatch`; `validation_failed` where a sign-in names no platform.
    """
    sighting = found.sighting or found.live
    if sighting is not None and sighting.device_id is not None:
        return _presented(found, sighting, sighting.device_id)
    if found.organization is None or found.login is None:
        return Refusal("token_invalid", reason="an enrollment without a device")
    if found.platform is None:
        return replace(invalid("device.platform", "say what the device runs"), holder=True)
    return _by_sign_in(found, found.organization, found.login, found.platform, report, now)


def _presented(found: Found, sighting: Sighting, device_id: Id) -> Target | Refusal:
    about = sighting.subjects
    if found.sighting is None:  # by sign-in: the attempt began before there was an enrollment
        about = replace(about, attempt_id=found.attempt_id)
    if found.platform not in (None, sighting.device_platform):
        return Refusal(
            "platform_mismatch",
            about=about,
            holder=True,
            reason=f"registered for {sighting.device_platform}, came from {found.platform}",
        )
    happening = _happening(
        about,
        sighting.grant,
        sighting.device_platform or "",
        sighting.device_name,
        sighting.username,
    )
    return Target(
        sighting.enrollment_id,
        sighting.generation,
        device_id,
        found.attempt_id,
        happening,
        replaces_device_id=sighting.replaces_device_id,
        allowance=_allowance(found),
        passcode_id=found.sighting.passcode_id if found.sighting else None,
    )


def _allowance(found: Found) -> Allowance | None:
    return found.standing.allowance if found.standing else None


def _by_sign_in(
    found: Found,
    organization: Organization,
    login: Login,
    platform: Platform,
    report: DeviceReport,
    now: int,
) -> Target:
    device = found.registered or _device(found, organization, login, platform, report, now)
    made = None if found.registered else device
    enrollment = NewEnrollment(
        id=new_id(now),
        organization_id=device.organization_id,
        user_id=login.user_id,
        device_id=device.id,
        grant=GrantKind.SIGN_IN,
        expires_at=now + REPEATABLE,
        issued_by=login.username,
        issuer_id=login.user_id,
        source=Source.SIGN_IN.value,
    )
    about = Subjects(
        device.organization_id, login.user_id, device.id, enrollment.id, found.attempt_id
    )
    happening = _happening(about, GrantKind.SIGN_IN, platform, device.name, login.username)
    return Target(
        enrollment.id,
        1,
        device.id,
        found.attempt_id,
        happening,
        made,
        enrollment,
        allowance=_allowance(found),
    )


def _device(
    found: Found,
    organization: Organization,
    login: Login,
    platform: Platform,
    report: DeviceReport,
    now: int,
) -> Device:
    """A device that nobody registered, as it describes itself, or as an allow list does."""
    allowed = found.standing.allowed if found.standing else None
    listed = allowed.ownership if allowed else Ownership.NONE
    return Device(
        id=new_id(now),
        organization_id=organization.id,
        organization_path=organization.path,
        group_id=organization.group_id,
        user_id=login.user_id,
        username=login.username,
        name=report.name or f"{login.username}'s {platform.value} device",
        platform=platform,
        ownership=said_ownership(report) if listed is Ownership.NONE else listed,
        state=DeviceState.REGISTERED,
        model=report.model,
        os_version=report.os_version,
        serial=report.serial,
        imei=report.imei,
        udid=report.udid,
        sim="",
        asset_number=answers_of(report).asset_number,
        external_id="",
        registered_at=now,
        enrolled_at=None,
        last_seen_at=None,
        version=1,
    )


def _happening(
    about: Subjects, grant: GrantKind, platform: str, device: str, user: str
) -> Happening:
    return Happening(
        "enrollment.redeemed",
        about,
        {"grant": grant.value, "platform": str(platform)},
        {"device": device, "user": user},
    )
