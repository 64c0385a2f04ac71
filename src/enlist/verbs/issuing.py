"""Issuing: what register, issue, reissue and resend share.

A token is minted in `work`: derived, digested, never stored readable. A few spare generations
are minted along, for the rare case that another token of the installation reads the same (A72).
How it reaches the user is a message row, written in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR
from enlist.core.ids import Id, new_id
from enlist.core.model import GrantKind, User
from enlist.core.outcomes import FieldError, Refusal, Subjects, invalid
from enlist.core.policy import EnrollmentPolicy, Permission
from enlist.core.secrets import Kind, Secret
from enlist.store import enrollments, outbox, templates
from enlist.store.enrollments import NewEnrollment, NewSecret
from enlist.store.outbox import NewMessage
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import Tools

REGISTRATION: Final = "registration"
"""Purpose of the message that carries a registration token."""

DEFAULT_TEMPLATE: Final = "default"
"""Name of the template that counts where none is named; an organization's own replaces ours."""

_SPARES: Final = 4
_LONGEST_HOURS: Final = 8760


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the token shall reach the user.

    Attributes:
        type: `email`, or `none`: shown once to the caller, who needs `enrollments:reveal`.
        template: name of a message template; "" for the default.
    """

    type: str = "email"
    template: str = ""


@dataclass(frozen=True, slots=True)
class Minted:
    """One generation of a token: readable for a moment, and what is stored of it."""

    token: Secret
    row: NewSecret


@dataclass(frozen=True, slots=True)
class Issued:
    """An enrollment that was issued, and the token where the caller may see it."""

    enrollment_id: Id
    device_id: Id
    expires_at: int
    generation: int
    token: Secret | None
    message_id: Id | None


def mint(
    tools: Tools, enrollment_id: Id, generation: int, policy: EnrollmentPolicy
) -> tuple[Minted, ...]:
    """The token of `generation`, and of a few after it."""
    made = []
    for number in range(generation, generation + _SPARES):
        derived = tools.keys.derive_token(enrollment_id, number, policy.token_length)
        digest = tools.keys.digest(Kind.REGISTRATION_TOKEN, derived.secret)
        row = NewSecret(
            enrollment_id,
            number,
            digest,
            derived.key_id,
            derived.kdf_version,
            derived.length,
            derived.alphabet,
        )
        made.append(Minted(derived.secret, row))
    return tuple(made)


def check_delivery(
    delivery: Delivery, user: User | None, channels: frozenset[str], caller: Caller, path: str
) -> Refusal | None:
    """Whether a message of this type can go to this user (A13, A30), or may be shown (A16)."""
    about = Subjects(user_id=user.id if user else None)
    if delivery.type == "none":
        if caller.may(Permission.ENROLLMENTS_REVEAL, path):
            return None
        return Refusal(
            "forbidden",
            about=about,
            reason=f"lacks {Permission.ENROLLMENTS_REVEAL}",
            detail="Showing a token takes the permission enrollments:reveal, "
            "which no role holds by itself. Send it by e-mail instead.",
        )
    if delivery.type != "email":
        return invalid("message.type", "must be email or none")
    if user is None or not user.email:
        return Refusal(
            "email_missing",
            about=about,
            fields=(FieldError("user.email", "has no e-mail address"),),
        )
    if delivery.type not in channels:
        return Refusal("no_channel", about=about)
    return None


def check_template(tx: Reader, delivery: Delivery, path: str) -> Refusal | None:
    """Whether the template that was named exists for the organization at `path` (A15)."""
    if delivery.template in ("", DEFAULT_TEMPLATE) or delivery.type == "none":
        return None
    found = templates.nearest(
        tx,
        path,
        name=delivery.template,
        purpose=REGISTRATION,
        channel=delivery.type,
        language="en",
    )
    if found is not None:
        return None
    return invalid("message.template", "there is no template of this name here")


def expiry(
    policy: EnrollmentPolicy, wanted: int | None, now: int, *, field: str = "expires_at"
) -> int | Refusal:
    """When the enrollment ends: as asked, else the organization's hours from now, exactly (A06)."""
    if wanted is None:
        return now + policy.token_expiration_hours * HOUR
    if wanted <= now:
        return invalid(field, "must be in the future")
    if wanted > now + _LONGEST_HOURS * HOUR:
        return invalid(field, f"must be within {_LONGEST_HOURS} hours from now")
    return wanted


def store_secret(tx: Tx, minted: tuple[Minted, ...]) -> Minted:
    """Store the first generation whose token nobody else's reads like."""
    for candidate in minted:
        if enrollments.insert_secret(tx, candidate.row):
            if candidate is not minted[0]:
                enrollments.skip_to_generation(
                    tx, candidate.row.enrollment_id, candidate.row.generation
                )
            return candidate
    raise ConcurrentChange


def queue_message(
    tx: Tx,
    *,
    organization_id: Id,
    user: User,
    enrollment_id: Id,
    generation: int,
    delivery: Delivery,
    sender_domain: str,
) -> Id:
    """Put the message with the token's newest generation into the outbox."""
    message_id = new_id(tx.now)
    outbox.insert(
        tx,
        NewMessage(
            id=message_id,
            organization_id=organization_id,
            user_id=user.id,
            enrollment_id=enrollment_id,
            generation=generation,
            purpose=REGISTRATION,
            template=delivery.template,
            channel=delivery.type,
            recipient=user.email,
            message_id=f"<{message_id}@{sender_domain}>",
        ),
    )
    enrollments.set_message(tx, enrollment_id, message_id)
    return message_id


def new_enrollment(
    *,
    enrollment_id: Id,
    organization_id: Id,
    user: User | None,
    device_id: Id,
    expires_at: int,
    caller: Caller,
) -> NewEnrollment:
    """An enrollment by registration token, for one device."""
    return NewEnrollment(
        id=enrollment_id,
        organization_id=organization_id,
        user_id=user.id if user else None,
        device_id=device_id,
        grant=GrantKind.REGISTRATION_TOKEN,
        expires_at=expires_at,
        issued_by=caller.name,
        issuer_id=caller.id,
    )
