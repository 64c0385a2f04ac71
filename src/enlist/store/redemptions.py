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
from enlist.core.events import Happening, make_events
from enlist.core.ids import Id
from enlist.core.model import Device
from enlist.core.prompts import Answers
from enlist.core.terms import Acceptance
from enlist.store import (
    allowances,
    attempts,
    credentials,
    device_moves,
    devices,
    endings,
    enrollments,
    events,
    limits,
    notices,
    passcodes,
    replacements,
    terms,
    users,
)
from enlist.store.allowances import Allowance
from enlist.store.credentials import NewCertificate
from enlist.store.enrollments import NewEnrollment
from enlist.store.limits import IdempotencyKey
from enlist.store.notices import Notice
from enlist.store.tx import Chain, ConcurrentChange, SetQuery, Tx

_CLAIM_EACH = SetQuery(
    "redemption.claim_each",
    "id uuid, generation integer, attempt_id uuid, source text",
    """
    UPDATE enrollment
       SET uses = uses + 1, used_at = :now, wrong_logins = 0,
           state = CASE WHEN uses + 1 >= max_uses THEN 'used' ELSE state END,
           ended_at = CASE WHEN uses + 1 >= max_uses THEN :now ELSE ended_at END
      FROM asked
     WHERE enrollment.id = asked.id AND enrollment.generation = asked.generation
       AND enrollment.state = 'active' AND uses < max_uses
       AND not_before <= :now AND expires_at > :now AND deleted_at IS NULL
       AND EXISTS (SELECT 1 FROM device d
                    WHERE d.id = enrollment.device_id AND d.state = 'registered'
                      AND d.deleted_at IS NULL)
       AND (user_id IS NULL
            OR EXISTS (SELECT 1 FROM app_user u
                        WHERE u.id = enrollment.user_id AND u.state = 'active'
                          AND u.deleted_at IS NULL))
       AND (asked.attempt_id IS NULL
            OR EXISTS (SELECT 1 FROM attempt a
                        WHERE a.id = asked.attempt_id AND a.state = 'open' AND a.expires_at > :now
                          AND (a.enrollment_id = enrollment.id
                               OR (a.enrollment_id IS NULL AND a.user_id = enrollment.user_id))))
       AND NOT EXISTS (SELECT 1 FROM throttle t
                        WHERE t.source = asked.source AND t.refused >= :most_refused
                          AND t.window_ends_at > :now)
    RETURNING enrollment.id
    """,
)


_ENROLL_EACH = Chain(
    "redemption.enroll_each",
    _CLAIM_EACH,
    device_moves.ENROLL_EACH,
    credentials.INSERT_EACH,
    events.INSERT_EACH,
)
"""The claims, and for those that are won the device, the certificate and the event."""


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What a device says of itself when it enrolls; it fills gaps, and never renames.

    Ownership, asset number and e-mail are what its user was asked; see `prompts`.
    """

    name: str = ""
    platform: str = ""
    model: str = ""
    os_version: str = ""
    serial: str = ""
    imei: str = ""
    udid: str = ""
    manufacturer: str = ""
    ownership: str = ""
    asset_number: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Redemption:
    """A claim on an enrollment, complete: plain values, ready to be applied.

    Attributes:
        fresh_device, fresh_enrollment: made in the same transaction where the grant is a
            sign-in and there is nothing registered to claim.
        certificate: None for a bare enrollment (ruling 22).
        caller: whoever redeems; where his source is throttled, nothing is redeemed.
        replaces_device_id: the device that retires now that this one is enrolled.
        notice: what its user is told then.
        allowance: the limits that it must fit into; None where there are none.
        acceptance: terms of use that are accepted with it.
        answers: what its user said of a device that is on record; None where that is nothing.
        passcode_id: the company passcode that it was got by.
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
    replaces_device_id: Id | None = None
    notice: Notice | None = None
    allowance: Allowance | None = None
    acceptance: Acceptance | None = None
    answers: Answers | None = None
    passcode_id: Id | None = None

    @property
    def plain(self) -> bool:
        """Nothing comes before or after the statement that decides."""
        return not (
            self.fresh_device
            or self.fresh_enrollment
            or self.attempt_id
            or self.replaces_device_id
            or self.idempotency
            or self.notice
            or self.allowance
            or self.acceptance
            or self.answers
            or self.passcode_id
        )

    @property
    def right(self) -> tuple[Id, int, Id | None]:
        """By what the enrollment is claimed: whoever holds the same wins or loses alike."""
        return self.enrollment_id, self.generation, self.attempt_id


def redeem(tx: Tx, claims: Sequence[Redemption]) -> list[bool]:
    """Apply claims, the first first; True for each that enrolled its device.

    Raises:
        ConcurrentChange: what a claim relied on changed in between; nothing was written.
    """
    if not any(claim.allowance for claim in claims):
        return _redeem(tx, claims, only=all(claim.plain for claim in claims))
    # Each of those under limits counts what those before it have used up.
    won: dict[int, bool] = {}
    free = [place for place, claim in enumerate(claims) if claim.allowance is None]
    if free:
        answers = _redeem(tx, [claims[place] for place in free], only=False)
        won |= dict(zip(free, answers, strict=True))
    for place, claim in enumerate(claims):
        if claim.allowance is not None:
            fits = allowances.take(tx, claim.allowance) is None
            won[place] = fits and _redeem(tx, [claim], only=False)[0]
    return [won[place] for place in range(len(claims))]


def _redeem(tx: Tx, claims: Sequence[Redemption], *, only: bool) -> list[bool]:
    """The same without limits; `only`: nothing else is done in this transaction."""
    for claim in claims:
        _make_fresh(tx, claim)
    won = _claim(tx, claims, only=only)
    if any(claim.fresh_enrollment and place not in won for place, claim in enumerate(claims)):
        raise ConcurrentChange
    _bind(tx, [claims[place] for place in sorted(won)])
    return [place in won for place in range(len(claims))]


def _make_fresh(tx: Tx, claim: Redemption) -> None:
    device, enrollment = claim.fresh_device, claim.fresh_enrollment
    user_id = enrollment.user_id if enrollment else None
    # Whoever deletes him at this very moment would not see what is made here, and leave it alive.
    place = device.organization_path if device else ""
    if user_id is not None and not users.hold(tx, user_id, within=place):
        raise ConcurrentChange
    if device is not None:
        devices.insert(tx, device)
    if enrollment is not None:
        endings.make_room(tx, claim.caller, claim.happening.about)
        enrollments.insert(tx, enrollment)


def _claim(tx: Tx, claims: Sequence[Redemption], *, only: bool) -> set[int]:
    """Which of the claims win, by their places.

    A statement changes a row but once, so each round has one contender for an enrollment, the
    first that waits; where he loses, so does everybody who wants it by the same right. Not where
    he lost because of where he comes from: so those are not let in. The rows are locked in the
    order of their ids, so that two processes never wait for each other.
    """
    won: set[int] = set()
    waiting = sorted(range(len(claims)), key=lambda place: (claims[place].enrollment_id, place))
    alone = len({claim.enrollment_id for claim in claims}) == len(claims)
    only = only and alone
    if not alone:
        throttled = limits.throttled_among(tx, (claim.caller.source for claim in claims))
        waiting = [place for place in waiting if claims[place].caller.source not in throttled]
    while waiting:
        contenders: dict[Id, int] = {}
        for place in waiting:
            contenders.setdefault(claims[place].enrollment_id, place)
        steps = _steps([claims[place] for place in contenders.values()], tx.now)
        found = tx.chain(
            _ENROLL_EACH, steps, only=only, now=tx.now, most_refused=limits.THROTTLE_REFUSALS
        )
        moved = {row["id"] for row in found}
        won |= {place for wanted, place in contenders.items() if wanted in moved}
        lost = {claims[n].right for wanted, n in contenders.items() if wanted not in moved}
        tried = set(contenders.values())
        waiting = [n for n in waiting if n not in tried and claims[n].right not in lost]
    return won


def _bind(tx: Tx, won: Sequence[Redemption]) -> None:
    """The claims are won: what else follows from some of them, in the same transaction."""
    notices.queue(tx, (claim.notice for claim in won))
    terms.accept(tx, [_accepted(claim, claim.acceptance) for claim in won if claim.acceptance])
    devices.answer(tx, {claim.device_id: claim.answers for claim in won if claim.answers})
    _count_uses(tx, won)
    for claim in won:
        if claim.attempt_id is not None and not attempts.complete(
            tx, claim.attempt_id, claim.enrollment_id, claim.generation
        ):
            raise ConcurrentChange
        if claim.replaces_device_id is not None:
            about = claim.happening.about
            replacements.retire(tx, claim.caller, claim.replaces_device_id, about)
        if claim.idempotency is not None and not limits.remember_device(
            tx, claim.idempotency, claim.device_id, claim.idempotency_lifetime
        ):
            raise ConcurrentChange  # the same request at the same moment has enrolled a device


def _count_uses(tx: Tx, won: Sequence[Redemption]) -> None:
    """In the order of the passcodes: else two that count the same two would wait for each other."""
    by_passcode = sorted(
        (each.passcode_id, each.device_id, each.happening.about.user_id)
        for each in won
        if each.passcode_id
    )
    for passcode_id, device_id, user_id in by_passcode:
        passcodes.used(tx, passcode_id, user_id, device_id)


def _accepted(claim: Redemption, acceptance: Acceptance) -> dict[str, object]:
    return {
        "id": acceptance.id,
        "terms_id": acceptance.terms_id,
        "user_id": claim.happening.about.user_id,
        "device_id": claim.device_id,
        "enrollment_id": claim.enrollment_id,
        "accepted_at": acceptance.accepted_at,
    }


def _steps(claims: Sequence[Redemption], now: int) -> list[list[dict[str, object]]]:
    """What each step of `_ENROLL_EACH` takes."""
    certificates = ((claim, claim.certificate) for claim in claims)
    happened = make_events([(claim.caller, claim.happening) for claim in claims], now)
    return [
        [_right(claim) for claim in claims],
        [_report(claim) for claim in claims],
        [
            credentials.row_of(certificate, claim.device_id, claim.enrollment_id)
            for claim, certificate in certificates
            if certificate is not None
        ],
        [events.row_of(event) for event in happened],
    ]


def _right(claim: Redemption) -> dict[str, object]:
    return {
        "id": claim.enrollment_id,
        "generation": claim.generation,
        "attempt_id": claim.attempt_id,
        "source": claim.caller.source,
    }


def _report(claim: Redemption) -> dict[str, object]:
    report = claim.report
    return {
        "enrollment_id": claim.enrollment_id,
        "id": claim.device_id,
        "model": report.model,
        "os_version": report.os_version,
        "serial": report.serial,
        "imei": report.imei,
        "udid": report.udid,
    }
