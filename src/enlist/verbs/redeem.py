"""Redeem: somebody presents a token, a code or a login, and the device is enrolled, or not.

The three parts, on this screen: `look` finds what is presented, and strangers stop there; `work`
checks login, rules and certificate request, and signs; the claim is one guarded statement in
`enlist.store.redemptions`, whose row count decides. Many devices that come with one token make
one enrollment. A device that repeats its request after a lost answer, with the same key or the
same Idempotency-Key, gets the same answer again (X23); another key for a used token is refused
and flagged (X24).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from enlist.completions import certificate
from enlist.core.caller import Caller
from enlist.core.clock import MINUTE
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.judgement import judge, subjects
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Credential, Device, EventRow, GrantKind, Ownership
from enlist.core.outcomes import Done, Refusal, Subjects, invalid
from enlist.pki.csr import Csr
from enlist.store import credentials, devices, enrollments, events, limits
from enlist.store.credentials import NewCertificate
from enlist.store.enrollments import NewEnrollment
from enlist.store.limits import IdempotencyKey
from enlist.store.redemptions import DeviceReport, Redemption, redeem
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import presenting
from enlist.verbs.driver import Answered, HotVerb, Tools, Try
from enlist.verbs.presenting import Admitted, Found, Presented

REPEATABLE: Final = 10 * MINUTE
"""How long a lost answer can be had again (X23)."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device that is enrolled now, and its certificate (PEM), unless it enrolled bare."""

    device_id: Id
    device_name: str
    platform: str
    username: str
    certificate: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What `look` found: what is presented, and what it led to before."""

    found: Found
    earlier: Credential | None
    earlier_device: Device | None
    first_use: EventRow | None


@dataclass(frozen=True, slots=True)
class Redeem(HotVerb[Seen, Redemption, Enrolled]):
    """Enroll a device.

    Attributes:
        csr: the parsed certificate request, or why it could not be read (told to holders only).
        attempt_id: set when a named attempt is completed; the code must be that attempt's.

    Refusals: every code of the catalogue for holders, members and strangers.
    """

    presented: Presented
    report: DeviceReport
    csr: Csr | Refusal | None
    idempotency: IdempotencyKey | None = None
    attempt_id: Id | None = None

    name = "redeem"
    refused_as = "enrollment.refused"
    throttled = True
    apply_many = redeem

    @property
    def hashes(self) -> bool:
        return self.presented.with_credentials

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        platform = presenting.platform_of(self.report.platform)
        if isinstance(platform, Refusal):
            return platform
        found = presenting.find(tools, tx, self.presented, platform)
        if isinstance(found, Refusal):
            return found
        if self.attempt_id is not None and self.attempt_id != _attempt_of(found):
            return Refusal("token_invalid", reason="the code is another attempt's")
        return self._before(tx, found)

    def reserve(self, seen: Seen) -> Try | None:
        return presenting.reserve(seen.found)

    def work(
        self, tools: Tools, caller: Caller, seen: Seen
    ) -> Redemption | Answered[Enrolled] | Refusal:
        now = tools.clock()
        admitted = presenting.admit(tools, seen.found, now)
        if isinstance(admitted, Refusal):
            return _repeated(seen, admitted) or _flagged(seen, admitted, self.csr)
        if (again := _repeated_sign_in(seen, admitted)) is not None:
            return again
        target = _target(seen.found, self.report, now)
        if isinstance(target, Refusal):
            return target
        signed = self._complete(tools, seen.found, target.device_id, now)
        if isinstance(signed, Refusal):
            return replace(signed, about=target.happening.about, holder=True)
        return _ready(target, self, caller, signed)

    def won(self, claim: Redemption) -> Done[Enrolled]:
        pem = claim.certificate.certificate if claim.certificate else ""
        personal, data = claim.happening.personal, claim.happening.data
        return Done(
            Enrolled(
                claim.device_id,
                personal.get("device", ""),
                str(data["platform"]),
                personal.get("user", ""),
                pem,
            )
        )

    def lost(self, tools: Tools, tx: Reader, caller: Caller, claim: Redemption) -> Refusal:
        wait = limits.throttled(tx, caller.source)
        if wait is not None:
            return Refusal("rate_limited", retry_after=wait)
        sighting = enrollments.sight_by_id(tx, claim.enrollment_id, claim.generation)
        if sighting is None:
            return Refusal("token_invalid", reason="deleted", about=claim.happening.about)
        refusal = judge(sighting, tx.now)
        if refusal is None:
            return Refusal("attempt_over", about=claim.happening.about, holder=True)
        first = events.first_use(tx, claim.enrollment_id)
        if claim.certificate and _own(tx, claim.enrollment_id, claim.certificate):
            raise ConcurrentChange  # the same device was faster than itself: answer it again
        return _with_first_use(refusal, first, flag=claim.certificate is not None)

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> None:
        presenting.outguessed(tx, caller, refusal)

    def clash(self, index: str) -> Refusal | None:
        return Refusal("try_later", reason=f"clash on {index}", holder=True)

    def _before(self, tx: Reader, found: Found) -> Seen | Refusal:
        """What this key, or this Idempotency-Key, has led to already."""
        device = None
        if self.idempotency is not None:
            known = limits.recall(tx, self.idempotency)
            if known is not None and not known.same_request:
                about = subjects(found.sighting) if found.sighting else Subjects()
                return Refusal("idempotency_key_reused", about=about, holder=True)
            device = devices.find(tx, known.made_id) if known else None
        earlier = None
        since = tx.now - REPEATABLE
        if isinstance(self.csr, Csr):
            key = self.csr.spki_digest
            if found.sighting is not None:
                enrollment_id = found.sighting.enrollment_id
                earlier = credentials.of_enrollment_key(tx, enrollment_id, key, since)
            elif found.login is not None:
                earlier = credentials.of_user_key(tx, found.login.user_id, key, since)
            if earlier is not None:
                device = devices.find(tx, earlier.device_id)
        first = None
        if found.sighting is not None and found.sighting.used_at is not None:
            first = events.first_use(tx, found.sighting.enrollment_id)
        return Seen(found, earlier, device, first)

    def _complete(
        self, tools: Tools, found: Found, device_id: Id, now: int
    ) -> NewCertificate | Refusal | None:
        """The completion: a certificate, or none where the organization allows that."""
        if isinstance(self.csr, Refusal):
            return self.csr
        if self.csr is not None:
            return certificate.prepare(tools, self.csr, device_id, now)
        if found.policy is not None and found.policy.allow_bare_enrollment:
            return None
        return Refusal("completion_required")


@dataclass(frozen=True, slots=True)
class _Target:
    """Which enrollment and device the claim is on, and what is made for it first."""

    enrollment_id: Id
    generation: int
    device_id: Id
    attempt_id: Id | None
    happening: Happening
    device: Device | None = None
    enrollment: NewEnrollment | None = None


def _attempt_of(found: Found) -> Id | None:
    return found.attempt_id or (found.sighting.attempt_id if found.sighting else None)


def _own(tx: Reader, enrollment_id: Id, certificate: NewCertificate) -> bool:
    since = tx.now - REPEATABLE
    return (
        credentials.of_enrollment_key(tx, enrollment_id, certificate.key_digest, since) is not None
    )


def _target(found: Found, report: DeviceReport, now: int) -> _Target | Refusal:
    """The enrollment to claim: the presented one, or the one that a sign-in makes."""
    sighting = found.sighting or found.live
    if sighting is not None and sighting.device_id is not None:
        about = replace(subjects(sighting), attempt_id=_attempt_of(found))
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
        return _Target(
            sighting.enrollment_id,
            sighting.generation,
            sighting.device_id,
            _attempt_of(found),
            happening,
        )
    return _fresh(found, report, now)


def _fresh(found: Found, report: DeviceReport, now: int) -> _Target | Refusal:
    """A sign-in with nothing live to claim: make the enrollment, and the device if need be."""
    organization, login = found.organization, found.login
    if organization is None or login is None:
        return Refusal("token_invalid", reason="an enrollment without a device")
    if found.platform is None:
        problem = invalid("device.platform", "say what the device runs")
        return replace(problem, holder=True)
    device = found.registered
    made = None
    if device is None:
        made = device = Device(
            id=new_id(now),
            organization_id=organization.id,
            organization_path=organization.path,
            group_id=organization.group_id,
            user_id=login.user_id,
            username=login.username,
            name=report.name or f"{login.username}'s {found.platform.value} device",
            platform=found.platform,
            ownership=Ownership.NONE,
            state=DeviceState.REGISTERED,
            model=report.model,
            os_version=report.os_version,
            serial=report.serial,
            imei=report.imei,
            udid=report.udid,
            sim="",
            asset_number="",
            external_id="",
            registered_at=now,
            enrolled_at=None,
            last_seen_at=None,
            version=1,
        )
    enrollment = NewEnrollment(
        id=new_id(now),
        organization_id=device.organization_id,
        user_id=login.user_id,
        device_id=device.id,
        grant=GrantKind.SIGN_IN,
        expires_at=now + REPEATABLE,
        issued_by=login.username,
        issuer_id=login.user_id,
    )
    about = Subjects(
        device.organization_id, login.user_id, device.id, enrollment.id, found.attempt_id
    )
    happening = _happening(about, GrantKind.SIGN_IN, found.platform, device.name, login.username)
    return _Target(enrollment.id, 1, device.id, found.attempt_id, happening, made, enrollment)


def _happening(
    about: Subjects, grant: GrantKind, platform: str, device: str, user: str
) -> Happening:
    return Happening(
        "enrollment.redeemed",
        about,
        {"grant": grant.value, "platform": str(platform)},
        {"device": device, "user": user},
    )


def _ready(
    target: _Target, verb: Redeem, caller: Caller, signed: NewCertificate | None
) -> Redemption:
    happening = target.happening
    data = {**happening.data, "serial": signed.serial if signed else ""}
    return Redemption(
        enrollment_id=target.enrollment_id,
        generation=target.generation,
        device_id=target.device_id,
        attempt_id=target.attempt_id,
        report=verb.report,
        certificate=signed,
        happening=replace(happening, data=data),
        caller=caller,
        fresh_device=target.device,
        fresh_enrollment=target.enrollment,
        idempotency=verb.idempotency,
        idempotency_lifetime=REPEATABLE,
    )


def _repeated(seen: Seen, refusal: Refusal) -> Answered[Enrolled] | None:
    """The same device asks again: give the same answer, once its token is found to be used."""
    if refusal.code not in ("token_used", "attempt_over") or seen.earlier_device is None:
        return None
    return _answer(seen.earlier_device, seen.earlier, refusal.about)


def _repeated_sign_in(seen: Seen, admitted: Admitted) -> Answered[Enrolled] | None:
    if seen.found.sighting is not None or seen.earlier_device is None:
        return None
    device = seen.earlier_device
    return _answer(
        device, seen.earlier, Subjects(device.organization_id, admitted.user_id, device.id)
    )


def _answer(device: Device, earlier: Credential | None, about: Subjects) -> Answered[Enrolled]:
    value = Enrolled(
        device.id,
        device.name,
        device.platform.value,
        device.username,
        earlier.certificate if earlier else "",
        repeated=True,
    )
    return Answered(Done(value), Happening("enrollment.repeated", about))


def _flagged(seen: Seen, refusal: Refusal, csr: Csr | Refusal | None) -> Refusal:
    """Another key for a used token may mean that somebody else had it first (X24)."""
    if refusal.code != "token_used":
        return refusal
    return _with_first_use(refusal, seen.first_use, flag=isinstance(csr, Csr))


def _with_first_use(refusal: Refusal, first: EventRow | None, *, flag: bool) -> Refusal:
    if refusal.code != "token_used" or first is None:
        return refusal
    data: dict[str, str | int] = {"first_used_at": first.at}
    if flag:
        data["flag"] = "possible_interception"
    personal = {f"first_{name}": value for name, value in first.personal.items()}
    return replace(refusal, data=data, personal=personal)
