"""A device begins anew: what resetting and reassigning share.

What it holds ends (credentials, live sessions, outstanding tokens) and it gets a new enrollment,
in one transaction: all or nothing (D08). The rows are locked in the order in which a redemption
locks them, enrollments first, then the device; so of a reset and a redemption at the same moment
one comes first, and no credential is left that is older than the reset (D21).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Credential, Device, GrantKind, Organization, User
from enlist.core.outcomes import Done, Drop, Refusal
from enlist.core.policy import EnrollmentPolicy
from enlist.store import credentials, enrollment_status, enrollments, events, organizations, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.caps import send_cap
from enlist.verbs.consequences import NOTHING_ENDS, Consequences, Foreseen
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.issuing import (
    Delivery,
    Issued,
    Prepared,
    Target,
    hand_over,
    prepare,
)
from enlist.verbs.register import IssuedAgain, new_enrollment
from enlist.verbs.rights import missing


@dataclass(frozen=True, slots=True)
class NewBeginning:
    """What came of it: the new enrollment, and what ended."""

    issued: Issued
    ended: Foreseen


@dataclass(frozen=True, slots=True)
class Seen:
    """The device, for whom and where it is from now on, and what ends."""

    device: Device
    user: User | None
    organization: Organization
    policy: EnrollmentPolicy
    grant: GrantKind
    foreseen: Foreseen


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything that is to be written."""

    seen: Seen
    prepared: Prepared


class Afresh(Verb[Seen, Ready, NewBeginning]):
    """What ends a device's present, and gives it a new enrollment."""

    message: Delivery
    expires_at: int | None

    @abstractmethod
    def ended(self) -> tuple[str, str]:
        """Why its credentials, and why its enrollments are revoked."""

    @abstractmethod
    def turn(self, tx: Tx, caller: Caller, ready: Ready) -> bool:
        """Move the device itself; False when it has changed since it was seen."""

    @abstractmethod
    def close(
        self, tx: Tx, caller: Caller, ready: Ready, data: dict[str, str | int]
    ) -> Done[Issued]:
        """Write down what happened and hand over the new token."""

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        device = seen.device
        target = Target(
            enrollment_id=new_id(tools.clock()),
            generation=1,
            device_id=device.id,
            device_name=device.name,
            organization_id=seen.organization.id,
            path=seen.organization.path,
            user=seen.user,
            grant=seen.grant,
        )
        prepared = prepare(tools, caller, target, seen.policy, self.message, self.expires_at)
        return prepared if isinstance(prepared, Refusal) else Ready(seen, prepared)

    def goes_to(self, seen: Seen) -> str:
        """Path of where the device goes, at or below its user; "" where it stays with both."""
        return ""

    def foreseen(self, ready: Ready) -> Foreseen:
        """What a dry run answers."""
        return ready.seen.foreseen

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[NewBeginning] | Refusal:
        seen = ready.seen
        device, ending = seen.device, seen.foreseen.consequences
        refusal = send_cap(tx, ready.prepared)
        if refusal is not None:
            return refusal
        if seen.user is not None and not users.hold(tx, seen.user.id, self.goes_to(seen)):
            raise ConcurrentChange
        why, why_enrollments = self.ended()
        _end_enrollments(tx, caller, ending, device, why_enrollments)
        if not self.turn(tx, caller, ready):
            raise ConcurrentChange
        _end_credentials(tx, ending.credentials, device.id, why)
        enrollments.insert(tx, new_enrollment(ready.prepared, caller))
        data: dict[str, str | int] = {
            "credentials_revoked": len(ending.credentials),
            "serials": ", ".join(each.serial for each in ending.credentials),
            "enrollments_revoked": len(ending.enrollments),
            "sessions": ending.sessions,
        }
        done = self.close(tx, caller, ready, data)
        beginning = NewBeginning(done.value, seen.foreseen)
        return Done(beginning, (Drop(device.id), *done.effects))

    def made(self, value: NewBeginning) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.issued.enrollment_id


def _end_enrollments(
    tx: Tx, caller: Caller, ending: Consequences, device: Device, reason: str
) -> None:
    """Revoke exactly what was foreseen; each is an event, for the log alone must tell."""
    there = {(each.id, each.generation) for each in enrollments.live_of_device(tx, device.id)}
    if there != {(each.id, each.generation) for each in ending.enrollments}:
        raise ConcurrentChange
    if enrollments.revoke_of_device(tx, device.id, reason) != len(there):
        raise ConcurrentChange
    for each in ending.enrollments:
        personal = {"device": each.device_name, "user": each.username}
        happening = Happening("enrollment.revoked", each.subjects, {"reason": reason}, personal)
        events.record(tx, caller, happening)


def _end_credentials(tx: Tx, expected: tuple[Credential, ...], device_id: Id, reason: str) -> None:
    there = {each.id for each in credentials.living(tx, device_id)}
    if there != {each.id for each in expected}:
        raise ConcurrentChange
    if credentials.revoke_of_device(tx, device_id, reason) != len(there):
        raise ConcurrentChange


def place_of(tx: Reader, organization_id: Id) -> Organization | Refusal:
    """The organization that a device is in."""
    return organizations.find(tx, organization_id) or missing("organization")


def grant_of(tx: Reader, device_id: Id, wanted: GrantKind | None) -> GrantKind:
    """What the new enrollment is by: as asked, else as the device's last one.

    A sign-in is nobody's to give, so what began with one goes on with a registration token.
    """
    if wanted is not None:
        return wanted
    last = next(iter(enrollment_status.of_device(tx, device_id)), None)
    by_jwt = last is not None and last.grant is GrantKind.ONE_TIME_JWT
    return GrantKind.ONE_TIME_JWT if by_jwt else GrantKind.REGISTRATION_TOKEN


def handed_over(
    tx: Tx, caller: Caller, ready: Ready, kind: str, data: dict[str, str | int]
) -> Done[Issued]:
    """The new token on its way, as an event of this kind."""
    return hand_over(tx, caller, ready.prepared, kind, data)


@dataclass(frozen=True)
class BegunAgain(QuickVerb[Issued, NewBeginning]):
    """The answer of an earlier reset or reassignment once more, for its Idempotency-Key.

    What ended then is not told again: it is in the log.
    """

    enrollment_id: Id
    revealed: bool

    name = "begun_again"

    @property
    def _issued(self) -> IssuedAgain:
        return IssuedAgain(self.enrollment_id, self.revealed)

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Issued | Refusal:
        return self._issued.look(tools, tx, caller)

    def apply(self, tx: Tx, caller: Caller, ready: Issued) -> Done[NewBeginning]:
        issued = self._issued.apply(tx, caller, ready).value
        return Done(NewBeginning(issued, NOTHING_ENDS))
