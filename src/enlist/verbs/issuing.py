"""Issuing: what register, issue, reissue and resend share.

A token is minted in `work`: derived, digested, never stored readable. A few spare generations
are minted along, for the rare case that another token of the installation reads the same (A72).
How it reaches the user is a message row, written in the same transaction.

`prepare` is the `work` of every verb that makes a token, `hand_over` the end of its `apply`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import GrantKind, User
from enlist.core.outcomes import Done, Effect, Refusal, Send, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.core.policy import SETTINGS, EnrollmentPolicy
from enlist.core.secrets import Kind, Secret
from enlist.store import (
    enrollment_secrets,
    enrollments,
    events,
    one_time_logins,
    outbox,
    templates,
)
from enlist.store import notices as stored_notices
from enlist.store.enrollment_secrets import NewSecret
from enlist.store.one_time_logins import NewLogin
from enlist.store.outbox import NewMessage
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import notices
from enlist.verbs import one_time_logins as logins
from enlist.verbs.channels import CHANNELS, EMAIL, SMS, address_of, reached
from enlist.verbs.driver import Tools

REGISTRATION: Final = "registration"
"""Purpose of the message that carries a registration token."""

BY_FILE: Final = "one_time_jwt"
"""Purpose of the message that brings a one-time JWT along, as a file."""

REMINDER: Final = "reminder"
"""Purpose of the message that carries a registration token once more before it expires."""

CREDENTIALS: Final = "credentials"
"""Purpose of the message that carries one-time credentials: a link, a user name, a password."""

HANDING_OVER: Final = frozenset({REGISTRATION, REMINDER, BY_FILE, CREDENTIALS})
"""Purposes of all messages that hand over what redeems an enrollment."""

FILE_BY_SMS: Final = "a one-time JWT is a file, which no SMS holds: choose email or later"

DEFAULT_TEMPLATE: Final = "default"
"""Name of the template that counts where none is named; an organization's own replaces ours."""

QR: Final = "qr"
"""A type of message: the token is shown to the caller, as a picture too."""

LONGEST_HOURS: Final = SETTINGS["token_expiration_hours"].most
_SPARES: Final = 4


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the token shall reach the user.

    Attributes:
        type: `email` or `sms`; `none` or `qr`: shown once to the caller, who needs
            `enrollments:reveal`, with `qr` as a picture, too; `later`: neither, it is sent or
            downloaded when somebody asks for that. A one-time JWT goes along as a file, and can be
            downloaded while it is valid.
        template: name of a message template; "" for the default.
    """

    type: str = EMAIL
    template: str = ""

    @property
    def shown(self) -> bool:
        """Whether the caller himself is shown the token."""
        return self.type in ("none", QR)

    @property
    def deferred(self) -> bool:
        """Whether nothing is sent or shown yet."""
        return self.type == "later"


LATER: Final = Delivery("later")


def purpose_of(grant: GrantKind, purpose: str = REGISTRATION) -> str:
    """What a message is for that brings what this grant hands over.

    Args:
        purpose: that of a message with a registration token.
    """
    return _PURPOSES.get(grant, purpose)


_PURPOSES: Final = {GrantKind.ONE_TIME_JWT: BY_FILE, GrantKind.PASSCODE: CREDENTIALS}


def usual(grant: GrantKind) -> Delivery:
    """How a token gets to its user where nobody says."""
    return LATER if grant is GrantKind.ONE_TIME_JWT else Delivery()


@dataclass(frozen=True, slots=True)
class Minted:
    """One generation of a token: readable for a moment, and what is stored of it.

    Attributes:
        login: what may be typed instead of it, with one-time credentials.
    """

    token: Secret
    row: NewSecret
    login: NewLogin | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a token is made for: one generation of the enrollment of one device.

    Attributes:
        path: of the organization that the device is in.
        device_name: for the log.
        grant: which kind of token it is.
    """

    enrollment_id: Id
    generation: int
    device_id: Id
    device_name: str
    organization_id: Id
    path: str
    user: User | None
    grant: GrantKind = GrantKind.REGISTRATION_TOKEN

    @property
    def subjects(self) -> Subjects:
        """What an event about this token is about."""
        user_id = self.user.id if self.user else None
        return Subjects(self.organization_id, user_id, self.device_id, self.enrollment_id)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A token that can be handed over: minted, until when, and how it gets to its user.

    Attributes:
        notify: whether its user is told of it beside that, without the token.
        sms_per_day: how many SMS its organization may send on one day.
    """

    target: Target
    expires_at: int
    minted: tuple[Minted, ...]
    delivery: Delivery
    sender_domain: str
    notify: bool = False
    sms_per_day: int = 0


@dataclass(frozen=True, slots=True)
class Issued:
    """An enrollment that was issued, and the token where the caller may see it."""

    enrollment_id: Id
    device_id: Id
    expires_at: int
    generation: int
    token: Secret | None
    message_id: Id | None
    grant: GrantKind = GrantKind.REGISTRATION_TOKEN


def crowded(tools: Tools, tx: Reader, about: Subjects) -> Refusal | None:
    """Whether no further enrollment may be live (ruling 17)."""
    if tools.room.take(tx):
        return None
    return Refusal("too_many_enrollments", about=about)


def prepare(
    tools: Tools,
    caller: Caller,
    target: Target,
    policy: EnrollmentPolicy,
    delivery: Delivery,
    expires_at: int | None,
    spares: int = _SPARES,
) -> Prepared | Refusal:
    """Check the delivery, decide the expiry, mint the token."""
    by_jwt = target.grant is GrantKind.ONE_TIME_JWT
    if by_jwt and delivery.template not in ("", DEFAULT_TEMPLATE):
        return invalid("message.template", "a one-time JWT has a message of its own")
    if by_jwt and delivery.type == SMS:
        return invalid("message.type", FILE_BY_SMS)
    if not (by_jwt and (delivery.shown or delivery.deferred)):
        refusal = check_delivery(delivery, target.user, tools.channels, caller, target.path)
        if refusal is not None:
            return refusal
    until = expiry(policy, expires_at, tools.clock(), grant=target.grant)
    if isinstance(until, Refusal):
        return until
    minted = mint(tools, target, policy, spares)
    if target.grant is GrantKind.PASSCODE:
        minted = _with_logins(tools, minted, until - tools.clock())
    domain, notify = tools.addresses.mail_domain, notices.wanted(tools, policy)
    return Prepared(target, until, minted, delivery, domain, notify, policy.sms_per_day)


def hand_over(
    tx: Tx, caller: Caller, prepared: Prepared, kind: str, data: Mapping[str, str | int]
) -> Done[Issued]:
    """Store a token and put it on its way: into a message, or into the answer.

    The enrollment must stand there already, at the generation of the target.

    Args:
        kind: the event that this is; one that is shown to the caller is a second event.
        data: what the event tells beside generation, message and expiry.
    """
    target = prepared.target
    minted = store_secret(tx, prepared.minted)
    generation = minted.row.generation
    message_id, effects = _send(tx, prepared, generation)
    effects += _notify(tx, prepared, kind, generation)
    happened = happenings(prepared, kind, data, generation)
    events.record_each(tx, [(caller, each) for each in happened])
    token = minted.token if shows_token(prepared) else None
    issued = Issued(
        target.enrollment_id,
        target.device_id,
        prepared.expires_at,
        generation,
        token,
        message_id,
        target.grant,
    )
    return Done(issued, effects)


def shows_token(prepared: Prepared) -> bool:
    """Whether the caller is shown the token; a JWT is shown by a verb of its own, `ShowJwt`."""
    return prepared.delivery.shown and prepared.target.grant is not GrantKind.ONE_TIME_JWT


def happenings(
    prepared: Prepared, kind: str, data: Mapping[str, str | int], generation: int
) -> list[Happening]:
    """What the log tells of a token that is handed over; see `hand_over`."""
    target = prepared.target
    told = {
        **data,
        "generation": generation,
        "message": prepared.delivery.type,
        "expires_at": prepared.expires_at,
    }
    username = target.user.username if target.user else ""
    personal = {"device": target.device_name, "user": username}
    found = [Happening(kind, target.subjects, told, personal)]
    if shows_token(prepared):
        found.append(Happening("enrollment.revealed", target.subjects, {}, personal))
    return found


def _send(tx: Tx, prepared: Prepared, generation: int) -> tuple[Id | None, tuple[Effect, ...]]:
    message = message_of(prepared, generation, tx.now)
    if message is None:
        return None, ()
    outbox.insert(tx, message)
    enrollments.set_message(tx, prepared.target.enrollment_id, message.id)
    return message.id, (Send(message.id),)


def message_of(prepared: Prepared, generation: int, now: int) -> NewMessage | None:
    """The message that brings a token to its user; None where none is sent."""
    target, delivery = prepared.target, prepared.delivery
    if delivery.shown or delivery.deferred or target.user is None:
        return None
    return new_message(
        organization_id=target.organization_id,
        user=target.user,
        enrollment_id=target.enrollment_id,
        generation=generation,
        delivery=delivery,
        sender_domain=prepared.sender_domain,
        grant=target.grant,
        now=now,
    )


def _notify(tx: Tx, prepared: Prepared, kind: str, generation: int) -> tuple[Effect, ...]:
    purpose = notices.BY_EVENT.get(kind)
    if purpose is None or not prepared.notify:
        return ()
    about, domain = prepared.target.subjects, prepared.sender_domain
    return stored_notices.queue(tx, [notices.make(purpose, about, generation, domain, tx.now)])


def mint(
    tools: Tools, target: Target, policy: EnrollmentPolicy, spares: int = _SPARES
) -> tuple[Minted, ...]:
    """The token of a generation, and of a few after it."""
    made = []
    keys = tools.keys
    for number in range(target.generation, target.generation + spares):
        if target.grant is GrantKind.ONE_TIME_JWT:
            derived = keys.derive_uuid(target.enrollment_id, number)
            digest = keys.digest(Kind.ONE_TIME_JWT, derived.secret)
        else:
            derived = keys.derive_token(target.enrollment_id, number, policy.token_length)
            digest = keys.digest(Kind.REGISTRATION_TOKEN, derived.secret)
        row = NewSecret(
            target.enrollment_id,
            number,
            digest,
            derived.key_id,
            derived.kdf_version,
            derived.length,
            derived.alphabet,
        )
        made.append(Minted(derived.secret, row))
    return tuple(made)


def _with_logins(tools: Tools, minted: tuple[Minted, ...], lifetime: int) -> tuple[Minted, ...]:
    """The same tokens, each with a user name and a password to be typed instead."""
    return tuple(
        replace(
            each,
            login=logins.mint(tools.keys, each.row.enrollment_id, each.row.generation, lifetime),
        )
        for each in minted
    )


def check_delivery(
    delivery: Delivery, user: User | None, channels: frozenset[str], caller: Caller, path: str
) -> Refusal | None:
    """Whether a message of this type can go to this user (A13, A30), or may be shown (A16)."""
    if delivery.deferred:
        return None
    if delivery.shown:
        if caller.may(Permission.ENROLLMENTS_REVEAL, path):
            return None
        return Refusal(
            "forbidden",
            about=Subjects(user_id=user.id if user else None),
            reason=f"lacks {Permission.ENROLLMENTS_REVEAL}",
            detail="Showing a token takes the permission enrollments:reveal, "
            "which no role holds by itself. Send it by e-mail or SMS instead.",
        )
    if delivery.type not in CHANNELS:
        return invalid("message.type", "must be email, sms, qr, none or later")
    found = reached(user, delivery.type, channels)
    return found if isinstance(found, Refusal) else None


def check_template(
    tx: Reader,
    delivery: Delivery,
    path: str,
    grant: GrantKind = GrantKind.REGISTRATION_TOKEN,
) -> Refusal | None:
    """Whether the template that was named exists for the organization at `path` (A15)."""
    unsent = delivery.shown or delivery.deferred
    if delivery.template in ("", DEFAULT_TEMPLATE) or unsent:
        return None
    found = templates.nearest(
        tx,
        path,
        name=delivery.template,
        purpose=CREDENTIALS if grant is GrantKind.PASSCODE else REGISTRATION,
        channel=delivery.type,
        language="en",
    )
    if found is not None:
        return None
    return invalid("message.template", "there is no template of this name here")


def expiry(
    policy: EnrollmentPolicy,
    wanted: int | None,
    now: int,
    *,
    field: str = "expires_at",
    grant: GrantKind = GrantKind.REGISTRATION_TOKEN,
) -> int | Refusal:
    """When the enrollment ends: as asked, else the organization's hours from now, exactly (A06)."""
    if wanted is None:
        by_passcode = grant is GrantKind.PASSCODE
        hours = policy.passcode_credential_hours if by_passcode else policy.token_expiration_hours
        return now + hours * HOUR
    if wanted <= now:
        return invalid(field, "must be in the future")
    if wanted > now + LONGEST_HOURS * HOUR:
        return invalid(field, f"must be within {LONGEST_HOURS} hours from now")
    return wanted


def store_secret(tx: Tx, minted: tuple[Minted, ...]) -> Minted:
    """Store the first generation whose token nobody else's reads like."""
    for candidate in minted:
        if enrollment_secrets.insert(tx, candidate.row):
            if candidate is not minted[0]:
                enrollments.skip_to_generation(
                    tx, candidate.row.enrollment_id, candidate.row.generation
                )
            if candidate.login is not None and not one_time_logins.insert(tx, candidate.login):
                raise ConcurrentChange  # another has this user name: draw again
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
    grant: GrantKind = GrantKind.REGISTRATION_TOKEN,
    purpose: str = REGISTRATION,
) -> Id:
    """Put the message with the token's newest generation into the outbox."""
    message = new_message(
        organization_id=organization_id,
        user=user,
        enrollment_id=enrollment_id,
        generation=generation,
        delivery=delivery,
        sender_domain=sender_domain,
        grant=grant,
        now=tx.now,
        purpose=purpose,
    )
    outbox.insert(tx, message)
    enrollments.set_message(tx, enrollment_id, message.id)
    return message.id


def new_message(
    *,
    organization_id: Id,
    user: User,
    enrollment_id: Id,
    generation: int,
    delivery: Delivery,
    sender_domain: str,
    grant: GrantKind,
    now: int,
    purpose: str = REGISTRATION,
) -> NewMessage:
    """A message with a token, as it is put into the outbox."""
    message_id = new_id(now)
    return NewMessage(
        id=message_id,
        organization_id=organization_id,
        user_id=user.id,
        enrollment_id=enrollment_id,
        generation=generation,
        purpose=purpose_of(grant, purpose),
        template=delivery.template,
        channel=delivery.type,
        recipient=address_of(user, delivery.type),
        message_id=f"<{message_id}@{sender_domain}>",
    )
