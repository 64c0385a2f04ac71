"""Reissue, resend, revoke, delete: what can be done with an enrollment that nobody used yet.

*Reissue* is a new secret for the same enrollment: the next generation, a new expiry, a new
message; whoever holds the old one is told so. *Resend* sends the same token once more.
*Revoke* ends the enrollment, and its token tells so. *Delete* ends it and takes it out of sight:
its token is unknown from then on, and nothing brings it back (seed 003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.lifecycle import EnrollmentState, shown_state
from enlist.core.model import Enrollment, GrantKind, User
from enlist.core.outcomes import Done, Refusal, Send, invalid
from enlist.core.permissions import Permission
from enlist.core.policy import EnrollmentPolicy
from enlist.store import enrollments, events, leaked_keys, organizations, outbox, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.caps import over_cap, resent_lately, send_cap
from enlist.verbs.channels import CHANNELS, EMAIL, SMS, address_of, reached
from enlist.verbs.consequences import Consequences, Foreseen, bind, outdated
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.finding import beyond, enrolled_since, enrollment_named
from enlist.verbs.issuing import (
    FILE_BY_SMS,
    REGISTRATION,
    Delivery,
    Issued,
    Prepared,
    Target,
    check_template,
    hand_over,
    prepare,
    queue_message,
    usual,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """The enrollment, its user, and the settings in force."""

    enrollment: Enrollment
    user: User | None
    policy: EnrollmentPolicy


@dataclass(frozen=True, slots=True)
class Resending:
    """The enrollment whose token is sent once more, to whom and how."""

    enrollment: Enrollment
    user: User
    delivery: Delivery
    sender_domain: str
    sms_per_day: int


def _look(tx: Reader, caller: Caller, enrollment_id: str, permission: Permission) -> Seen | Refusal:
    found = enrollment_named(tx, caller, enrollment_id, permission)
    if isinstance(found, Refusal):
        return found
    refusal = beyond(tx, caller, found.user_id, found.subjects)
    if refusal is not None:
        return refusal
    user = users.find(tx, found.user_id) if found.user_id else None
    return Seen(found, user, organizations.policy(tx, found.organization_path))


def last_channel(tx: Reader, found: Enrollment) -> str:
    """How the newest message about it went, or goes."""
    newest = next(iter(outbox.of_enrollment(tx, found.id)), None)
    return newest.channel if newest else EMAIL


def _personal(enrollment: Enrollment) -> dict[str, str]:
    return {"device": enrollment.device_name, "user": enrollment.username}


def _ended(enrollment: Enrollment) -> Refusal | None:
    """Used and revoked are the end (ruling 29)."""
    about = enrollment.subjects
    if enrollment.state is EnrollmentState.USED:
        return Refusal("token_used", at=enrollment.used_at, about=about)
    if enrollment.state is EnrollmentState.REVOKED:
        return Refusal("token_revoked", at=enrollment.ended_at, about=about)
    return None


@dataclass(frozen=True, slots=True)
class Reissuing:
    """A new token, and what ends with it."""

    prepared: Prepared
    foreseen: Foreseen


@dataclass(frozen=True)
class Reissue(Verb[Seen, Reissuing, Issued]):
    """Make the next generation of a token: of an active, an expired or a held enrollment.

    Attributes:
        message: how it gets to its user; None for as usual (see `usual`).
        reason: for the audit log.
        preview: what was shown by a dry run; another situation is refused.

    Refusals: `token_used`, `token_revoked`, `conflict` for what no device has, `enrollment_exists`
    for what is on hold beside a newer one, `device_enrolled` where that was used,
    `preview_outdated`, and the delivery's.
    """

    enrollment_id: str
    message: Delivery | None = None
    expires_at: int | None = None
    reason: str = ""
    preview: str = ""

    name = "reissue"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        seen = _look(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_REISSUE)
        if isinstance(seen, Refusal):
            return seen
        found = seen.enrollment
        if found.state is EnrollmentState.ON_HOLD and (refusal := enrolled_since(tx, found)):
            return refusal
        message = self.message or usual(found.grant)
        return check_template(tx, message, found.organization_path, found.grant) or seen

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Reissuing | Refusal:
        found = seen.enrollment
        refusal = _ended(found)
        if refusal is not None:
            return refusal
        if found.device_id is None:
            detail = "It is for no device of its own, so there is no token to make anew."
            return Refusal("conflict", detail=detail, about=found.subjects)
        ending = Consequences(enrollments=(found,))
        foreseen = bind("reissue", (found.id,), ending, tools.clock())
        refusal = outdated(self.preview, foreseen, found.subjects)
        if refusal is not None:
            return refusal
        target = Target(
            enrollment_id=found.id,
            generation=found.generation + 1,
            device_id=found.device_id,
            device_name=found.device_name,
            organization_id=found.organization_id,
            path=found.organization_path,
            user=seen.user,
            grant=found.grant,
        )
        message = self.message or usual(found.grant)
        prepared = prepare(tools, caller, target, seen.policy, message, self.expires_at)
        return prepared if isinstance(prepared, Refusal) else Reissuing(prepared, foreseen)

    def foreseen(self, ready: Reissuing) -> Foreseen:
        """What a dry run answers."""
        return ready.foreseen

    def apply(self, tx: Tx, caller: Caller, ready: Reissuing) -> Done[Issued] | Refusal:
        target, until = ready.prepared.target, ready.prepared.expires_at
        refusal = send_cap(tx, ready.prepared)
        if refusal is not None:
            return refusal
        if not enrollments.reissue(tx, target.enrollment_id, target.generation - 1, until):
            raise ConcurrentChange
        data = {"reason": self.reason} if self.reason else {}
        return hand_over(tx, caller, ready.prepared, "enrollment.reissued", data)

    def clash(self, index: str) -> Refusal | None:
        # It was on hold, and its device got another meanwhile.
        return Refusal("enrollment_exists")


@dataclass(frozen=True)
class Resend(Verb[tuple[Seen, Delivery], Resending, Id]):
    """Send the same token again: same value, same expiry (A40).

    Attributes:
        channel: `email` or `sms`; "" for the way that its last message went, or e-mail.

    Refusals: `not_resendable` for what is used, revoked or expired, and where others can make the
    token, as its key has leaked; the delivery's.
    """

    enrollment_id: str
    template: str = ""
    channel: str = ""

    name = "resend"
    purpose: ClassVar[str] = REGISTRATION

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> tuple[Seen, Delivery] | Refusal:
        seen = _look(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_RESEND)
        if isinstance(seen, Refusal):
            return seen
        found = seen.enrollment
        if self.channel not in ("", *CHANNELS):
            return invalid("message.type", "must be email or sms")
        delivery = Delivery(self.channel or last_channel(tx, found), self.template)
        if delivery.type == SMS and found.grant is GrantKind.ONE_TIME_JWT:
            return invalid("message.type", FILE_BY_SMS)
        refusal = check_template(tx, delivery, found.organization_path, found.grant)
        return refusal or (seen, delivery)

    def work(
        self, tools: Tools, caller: Caller, seen: tuple[Seen, Delivery]
    ) -> Resending | Refusal:
        (known, delivery), found = seen, seen[0].enrollment
        state = shown_state(found.state, found.expires_at, tools.clock())
        if state != "active" or found.grant is GrantKind.SIGN_IN:
            return Refusal("not_resendable", about=found.subjects, reason=f"it is {state}")
        user = reached(known.user, delivery.type, tools.channels)
        if isinstance(user, Refusal):
            return user
        domain = tools.addresses.mail_domain
        return Resending(found, user, delivery, domain, known.policy.sms_per_day)

    def apply(self, tx: Tx, caller: Caller, ready: Resending) -> Done[Id] | Refusal:
        channel, about = ready.delivery.type, ready.enrollment.subjects
        if leaked_keys.makes_token(tx, ready.enrollment.id):
            return Refusal("not_resendable", about=about, reason="the key of its token has leaked")
        address = address_of(ready.user, channel)
        refusal = resent_lately(tx, ready.enrollment, address)
        refusal = refusal or over_cap(tx, channel, address, about, ready.sms_per_day)
        return refusal or self.write(tx, caller, ready)

    def write(self, tx: Tx, caller: Caller, ready: Resending) -> Done[Id]:
        """Queue the message, and say so."""
        found, delivery = ready.enrollment, ready.delivery
        message_id = queue_message(
            tx,
            organization_id=found.organization_id,
            user=ready.user,
            enrollment_id=found.id,
            generation=found.generation,
            delivery=delivery,
            sender_domain=ready.sender_domain,
            grant=found.grant,
            purpose=self.purpose,
        )
        data = {"message": delivery.type, **self.told()}
        happening = Happening("enrollment.resent", found.subjects, data, _personal(found))
        events.record(tx, caller, happening)
        return Done(message_id, (Send(message_id),))

    def told(self) -> dict[str, str | bool]:
        """What the log is told beside how it went."""
        return {}


@dataclass(frozen=True)
class Revoke(Verb[Seen, Seen, None]):
    """Revoke an enrollment; its token tells its holder so (A42).

    Refusals: `token_used`, `token_revoked`.
    """

    enrollment_id: str
    reason: str = ""

    name = "revoke"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        return _look(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_REVOKE)

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Seen | Refusal:
        return _ended(seen.enrollment) or seen

    def apply(self, tx: Tx, caller: Caller, ready: Seen) -> Done[None] | Refusal:
        found = ready.enrollment
        if not enrollments.revoke(tx, found.id, self.reason or "by an administrator"):
            raise ConcurrentChange
        data = {"reason": self.reason}
        events.record(
            tx, caller, Happening("enrollment.revoked", found.subjects, data, _personal(found))
        )
        return Done(None)


@dataclass(frozen=True)
class DeleteEnrollment(Verb[Seen, Seen, None]):
    """Delete an enrollment that nobody used, for good; its device and credentials stay (D16-D18).

    Refusals: `token_used`, `token_revoked`.
    """

    enrollment_id: str

    name = "delete_enrollment"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        return _look(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_DELETE)

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Seen | Refusal:
        return _ended(seen.enrollment) or seen

    def apply(self, tx: Tx, caller: Caller, ready: Seen) -> Done[None] | Refusal:
        found = ready.enrollment
        if not enrollments.delete(tx, found.id, found.generation):
            raise ConcurrentChange
        data = {"generation": found.generation}
        events.record(
            tx, caller, Happening("enrollment.deleted", found.subjects, data, _personal(found))
        )
        return Done(None)
