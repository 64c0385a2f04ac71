"""The move to *used*: the one statement that decides who wins.

`redeem` is the hot lane's work. It takes a sequence of plain claims and answers each; all that
a claim needs was prepared before, so nothing here computes, signs or waits. The claiming
statement carries every condition itself: whatever `look` saw may have changed since. Where it
changes no row, somebody else was first or something ended in between; the caller then looks
again, only to learn which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.model import Device
from enlist.store import attempts, credentials, devices, enrollments, events, limits
from enlist.store.credentials import NewCertificate
from enlist.store.enrollments import NewEnrollment
from enlist.store.limits import IdempotencyKey
from enlist.store.tx import ConcurrentChange, Query, Tx

_CLAIM_TEXT = """
    UPDATE enrollment
       SET uses = uses + 1, used_at = :now, wrong_logins = 0,
           state = CASE WHEN uses + 1 >= max_uses THEN 'used' ELSE state END,
           ended_at = CASE WHEN uses + 1 >= max_uses THEN :now ELSE ended_at END
     WHERE id = :id AND generation = :generation AND state = 'active' AND uses < max_uses
       AND not_before <= :now AND expires_at > :now AND deleted_at IS NULL
       AND EXISTS (SELECT 1 FROM device d
                    WHERE d.id = enrollment.device_id AND d.state = 'registered'
                      AND d.deleted_at IS NULL)
       AND (user_id IS NULL
            OR EXISTS (SELECT 1 FROM app_user u
                        WHERE u.id = enrollment.user_id AND u.state = 'active'
                          AND u.deleted_at IS NULL))
       AND (CAST(:attempt_id AS uuid) IS NULL
            OR EXISTS (SELECT 1 FROM attempt a
                        WHERE a.id = :attempt_id AND a.state = 'open' AND a.expires_at > :now
                          AND (a.enrollment_id = enrollment.id
                               OR (a.enrollment_id IS NULL AND a.user_id = enrollment.user_id))))
"""
_CLAIM = Query(
    "redemption.claim",
    _CLAIM_TEXT,
    sqlite=_CLAIM_TEXT.replace("CAST(:attempt_id AS uuid)", ":attempt_id"),
)


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What a device says of itself when it enrolls; it fills gaps, and never renames."""

    name: str = ""
    platform: str = ""
    model: str = ""
    os_version: str = ""
    serial: str = ""
    imei: str = ""
    udid: str = ""


@dataclass(frozen=True, slots=True)
class Redemption:
    """A claim on an enrollment, complete: plain values, ready to be applied.

    Attributes:
        fresh_device, fresh_enrollment: made in the same transaction where the grant is a
            sign-in and there is nothing registered to claim.
        certificate: None for a bare enrollment (ruling 22).
        caller: whoever redeems; where his source is throttled, nothing is redeemed.
    """

    enrollment_id: Id
    generation: int
    device_id: Id
    attempt_id: Id | None
    report: DeviceReport
    certificate: NewCertificate | None
    happening: Happening
    caller: Caller
    fresh_device: Device | None = None
    fresh_enrollment: NewEnrollment | None = None
    idempotency: IdempotencyKey | None = None
    idempotency_lifetime: int = 0


def redeem(tx: Tx, claims: Sequence[Redemption]) -> list[bool]:
    """Apply claims in order; True for each that enrolled its device.

    Raises:
        ConcurrentChange: what a claim relied on changed in between; nothing was written.
    """
    return [_redeem_one(tx, claim) for claim in claims]


def _redeem_one(tx: Tx, claim: Redemption) -> bool:
    if limits.throttled(tx, claim.caller.source) is not None:
        return False
    if claim.fresh_device is not None:
        devices.insert(tx, claim.fresh_device)
    if claim.fresh_enrollment is not None:
        enrollments.make_room(tx, claim.caller, claim.happening.about)
        enrollments.insert(tx, claim.fresh_enrollment)
    won = tx.run(
        _CLAIM,
        id=claim.enrollment_id,
        generation=claim.generation,
        attempt_id=claim.attempt_id,
        now=tx.now,
    )
    if won != 1:
        if claim.fresh_enrollment is not None:
            raise ConcurrentChange
        return False
    _bind(tx, claim)
    return True


def _bind(tx: Tx, claim: Redemption) -> None:
    """The claim is won: everything that follows from it, in the same transaction."""
    report = claim.report
    bound = devices.enroll(
        tx,
        claim.device_id,
        model=report.model,
        os_version=report.os_version,
        serial=report.serial,
        imei=report.imei,
        udid=report.udid,
    )
    if not bound:
        raise ConcurrentChange
    if claim.attempt_id is not None and not attempts.complete(
        tx, claim.attempt_id, claim.enrollment_id, claim.generation
    ):
        raise ConcurrentChange
    if claim.certificate is not None:
        credentials.insert(tx, claim.certificate, claim.device_id, claim.enrollment_id)
    events.record(tx, claim.caller, claim.happening)
    if claim.idempotency is not None:
        limits.remember(tx, claim.idempotency, claim.device_id, claim.idempotency_lifetime)
