"""One line of the audit log.

An event has two halves. The *entry* is canonical JSON and never changes: it is what the log
will be sealed over. *Personal* values (names, addresses, user agents) stand beside it in columns
that can be erased; the entry holds only their salted digests. Forgetting a person deletes the
values and the salt, and every entry still says the same (S74).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Final

from enlist.core.caller import Caller
from enlist.core.ids import Id, new_id
from enlist.core.outcomes import NOBODY, Refusal, Subjects

KINDS: Final[Mapping[str, str]] = {
    "installation.created": "Enlist was set up on an empty database.",
    "installation.started": "A server started; its version is in the event.",
    "installation.backed_up": "A backup of database and keys was made.",
    "installation.restored": "A backup was restored; what was active is on hold.",
    "key.added": "A key was added; from when on it makes what is new is in the event.",
    "key.listener_changed": "The device listener has another key; JWTs that are out are useless.",
    "key.compromised": "Keys were replaced because they leaked; live tokens were put on hold.",
    "network.lock_cleared": "What was refused to a network was forgotten; how many is in the "
    "event.",
    "organization.created": "An organization was added.",
    "organization.changed": "An organization's name, time zone or language changed.",
    "organization.domains_changed": "The e-mail domains that lead to an organization changed; "
    "before and after are in the event.",
    "organization.deleted": "An organization was deleted.",
    "branding.changed": "How an organization looks changed; before and after are in the event.",
    "settings.changed": "Enrollment settings changed; before and after are in the event.",
    "passcode.generated": "A company passcode was generated; until when the one before goes on, "
    "if it does, is in the event.",
    "passcode.disabled": "Self-service was switched off, or what overlapped a passcode was ended.",
    "passcode.revealed": "A company passcode was shown again to somebody who may see it.",
    "passcode.accepted": "The right company passcode came with the name of somebody known, who is "
    "sent one-time credentials at his registered address.",
    "passcode.proof_asked": "Self-service is shielded: somebody known is asked to prove that he "
    "reads his mailbox before anything is compared.",
    "passcode.refused": "A company passcode, or the name beside it, was refused; why is in it.",
    "passcode.locked": "Too many wrong entries: self-service is off until the next passcode is "
    "generated.",
    "passcode.shielded": "Too many wrong entries: from here on nothing that is entered is compared "
    "before a mailbox was proved.",
    "restriction.created": "An enrollment restriction was added; what it says is in the event.",
    "restriction.changed": "An enrollment restriction changed; before and after are in the event.",
    "restriction.deleted": "An enrollment restriction was taken away.",
    "device_list.added": "Devices were put on an allow or deny list; how many is in the event.",
    "device_list.removed": "A device was taken off an allow or deny list.",
    "group.created": "A group of users was added.",
    "group.changed": "A group's name or description changed.",
    "group.deleted": "A group of users was deleted; its members stay.",
    "group.member_added": "A user became a member of a group.",
    "group.member_removed": "A user's membership of a group was ended.",
    "user.created": "A user was added.",
    "user.changed": "A user's details changed; which ones is in the event.",
    "user.authorized": "Where a user may enroll changed; before and after are in the event.",
    "user.lock_cleared": "Wrong passwords, or what else a user had done too often, were forgotten; "
    "how many is in the event.",
    "user.password_changed": "A user's password was set.",
    "user.password_link_sent": "A link to set a password is on its way to a user; who asked for it "
    "is in the event.",
    "user.password_link_asked": "Somebody asked for a link to set a password, and none was sent; "
    "why is in the event.",
    "user.password_link_used": "A user set a password with the link that was sent.",
    "user.recovery_link_made": "A one-time link for an administrator was made on the server.",
    "user.recovered": "An administrator set a new password with such a link; sign-ins ended.",
    "user.disabled": "A user was disabled; sign-ins ended.",
    "user.enabled": "A user was enabled again.",
    "user.offboarding_planned": "Somebody is to be offboarded; when is in the event.",
    "user.offboarding_cancelled": "A planned offboarding was cancelled.",
    "user.offboarding_held_up": "A planned offboarding could not be carried out yet; why is in it.",
    "user.offboarded": "A user was offboarded: all that let him or his devices in has ended.",
    "user.erased": "A person was erased: from here on, names and addresses of his are nowhere.",
    "user.deleted": "A user was deleted; sign-ins ended, live enrollments were revoked.",
    "import.created": "A file was brought to be imported; how many rows it has is in the event.",
    "import.started": "An import whose preview was looked at was started.",
    "import.stopped": "An import was stopped; what was done stays.",
    "import.ended": "An import came to its end; what came of its rows is in the event.",
    "wave.started": "A wave was started: tokens for many people; how many is in the event.",
    "wave.waiting": "A wave's first share is issued; the others wait.",
    "wave.continued": "A wave went on with the others after its first share.",
    "wave.paused": "A wave was paused, by somebody or for the reason in the event.",
    "wave.resumed": "A wave that was paused goes on.",
    "wave.stopped": "A wave was ended early; what was issued stays.",
    "wave.resent": "Whoever of a wave has not enrolled yet is sent the token again; how many is in "
    "the event.",
    "wave.ended": "Everybody of a wave had his turn.",
    "role.created": "A role was put together; its permissions are in the event.",
    "role.changed": "A role was changed; before and after are in the event. It counts at once.",
    "role.deleted": "A role was deleted; how often it was held is in the event.",
    "role.granted": "A user was given a role on an organization.",
    "role.revoked": "A role was taken from a user.",
    "second_factor.set_up": "A user set up a second factor; other sign-ins ended.",
    "second_factor.removed": "A user's second factor was taken away; sign-ins ended.",
    "second_factor.codes_renewed": "A user was shown new recovery codes; the old ones ended.",
    "second_factor.rule_changed": "Which roles need a second factor changed; before and after are "
    "in the event.",
    "sign_in.code_asked": "A password was right, and the code of the second factor is to come.",
    "sign_in.started": "Somebody signed in; by which second factor, if by any, is in the event.",
    "sign_in.refused": "A sign-in was refused.",
    "sign_in.ended": "A sign-in was ended.",
    "sign_in.all_ended": "All sign-ins of a user were ended.",
    "sign_in.confirmed": "A user confirmed who he is by his password.",
    "sign_in.confirmation_refused": "A user's confirmation by password was refused.",
    "api_key.created": "An API key was made.",
    "api_key.revoked": "An API key was revoked.",
    "api_key.refused": "A request with an unknown, expired or revoked API key was refused.",
    "request.refused": "A request of somebody known was refused; what he asked and why is in it.",
    "device.registered": "A device was registered, as a rule with an enrollment.",
    "device.changed": "A device's details changed.",
    "device.deleted": "A device was deleted; its credentials and enrollments were revoked.",
    "device.reset": "A device was reset: its credentials were revoked, and an enrollment issued.",
    "device.reassigned": "A device was given to somebody else; its credentials were revoked.",
    "device.handed_out": "A device that a staging user enrolled was handed out as it is, or "
    "came back; both owners are in the event, and both logs tell it.",
    "device.moved": "A registered device went to another organization, with its token; both logs "
    "tell it.",
    "user.moved": "A user belongs to another organization; both logs tell it.",
    "device.lock_cleared": "What a device had asked for too often was forgotten; how many is in "
    "the event.",
    "device.denied": "An enrolled device was put on a deny list: it is enrolled no more, its "
    "credentials and enrollments were revoked.",
    "device.replaced": "Another device took this one's place; its credentials were revoked.",
    "enrollment.issued": "An enrollment was issued.",
    "enrollment.revealed": "A token or a one-time JWT was shown to somebody who may see it.",
    "enrollment.printed": "A card for a person without a secret on it was made, to be printed.",
    "enrollment.reissued": "A new token was made; the last one stopped working.",
    "enrollment.exported": "Somebody took enrollments away as a file; the data say which.",
    "view.saved": "Somebody kept a view of the list of enrollments under a name.",
    "view.changed": "Somebody changed a saved view: its name, what it shows, or for whom it is.",
    "view.deleted": "A saved view was deleted.",
    "enrollment.resent": "The same token was sent again.",
    "enrollment.lock_cleared": "Wrong logins with a token, or attempts, were forgotten; how many "
    "is in the event.",
    "enrollment.revoked": "An enrollment was revoked.",
    "enrollment.deleted": "An unused enrollment was deleted, for good.",
    "enrollment.expired": "A token ran out unused.",
    "enrollment.reactivated": "An enrollment that was on hold was freed.",
    "enrollment.opened": "An enrollment link was opened.",
    "enrollment.checked": "Somebody looked at what a token is for.",
    "enrollment.redeemed": "An enrollment was used: the device is enrolled and bound to its owner.",
    "enrollment.repeated": "A device repeated its request and got the same answer; ten at most in "
    "ten minutes.",
    "enrollment.refused": "A token, code or login for an enrollment was refused; the "
    "same answer to its holder ten times at most in ten minutes.",
    "attempt.started": "A device began to enroll.",
    "attempt.cancelled": "An attempt was cancelled.",
    "credential.refused": "A device showed a certificate that no longer counts; once a minute.",
    "credential.extended": "A device was given another certificate; until it confirms, both count.",
    "credential.extension_requested": "A device was asked to renew its certificate.",
    "credential.renewed": "A device confirmed its new certificate; the old one was revoked.",
    "api_session.started": "A device proved itself by its certificate, as an OpenZiti client.",
    "api_session.ended": "An OpenZiti client signed out.",
    "session.opened": "A device opened a session: it is connected, proved by its certificate.",
    "session.dropped": "A device session was ended; why is in the event.",
    "session.closed": "A device session came to its end: the device went, or the server stopped.",
    "template.changed": "A message template changed; before and after are in the event.",
    "template.tested": "A message template was sent as a sample; its words are in the event.",
    "terms.published": "A version of the terms of use was published; people are asked from now on.",
    "terms.withdrawn": "Terms of use were withdrawn; nobody is asked for them any more.",
    "terms.exported": "The list of those who accepted terms of use was taken away as CSV.",
    "webhook.created": "A webhook was added: events are posted to an address.",
    "webhook.changed": "A webhook was changed; which values is in the event.",
    "webhook.secret_changed": "A webhook was given a new secret; the last one signs no more.",
    "webhook.disabled": "A webhook was stopped, by somebody or after three days without success.",
    "webhook.enabled": "A webhook goes on where it was stopped.",
    "webhook.deleted": "A webhook was deleted.",
    "webhook.tested": "Somebody asked for a test of a webhook; this event is what it is sent.",
    "webhook.replayed": "Events were posted to a webhook again, as somebody asked.",
    "alert.opened": "Something is amiss: staff is told of it; what it is is in the event.",
    "alert.reopened": "Something is amiss again soon after it was well; nobody is told anew.",
    "alert.closed": "What was amiss is well again.",
    "alert.routes_changed": "Who is told of alerts changed; before and after are in the event.",
    "alert.tested": "Somebody asked for a test of who is told of alerts.",
    "message.sent": "A message was handed to the mail server or the SMS gateway.",
    "message.delivered": "An SMS gateway reported that a message arrived.",
    "message.failed": "A message was given up, or reported as not delivered.",
}
"""Every kind of event; `docs/reference/events.md` lists the same."""

EVENT_VERSION: Final = 1
"""Of the form in which events are taken elsewhere: raised where a value goes, or means another
thing; what only adds a value does not raise it."""

FORM: Final[Mapping[str, str]] = {
    "version": "Of this form.",
    "seq": "Place in the sealed log, from 0 on, without gaps.",
    "id": "UUIDv7; the same each time that the event is told.",
    "at": "When it happened, RFC 3339 in UTC.",
    "kind": "One of the above.",
    "actor_kind": "Who did it: `user`, `api_key`, `device`, `host`, `stranger` or `system`.",
    "actor_id": "Id of whoever did it; null for who has none.",
    "organization": "Group ID of the organization.",
    "organization_id": "Its id.",
    "user_id": "Id of the user it is about, or null.",
    "device_id": "Id of the device it is about, or null.",
    "enrollment_id": "Id of the enrollment it is about, or null.",
    "support_code": "What whoever was refused was shown; else empty.",
    "stage": "Which stage of its enrollment it marks, as below; else empty.",
    "data": "What else there is to say, by name; differs by kind. Never a secret.",
    "personal": "Names and addresses; empty once they were erased.",
}
"""The values of an event that is taken elsewhere; a test compares them with what is given."""

_SALT: Final = 16
"""Bytes."""

VERSION: Final = 2
"""Of an entry's form; those of version 1 hold no support code."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, ready to be stored.

    Attributes:
        entry: canonical JSON: sorted keys, no spaces, UTF-8, integers only.
        personal: erasable values by name; `salt` makes their digests unguessable.
        support_code: what a refused caller was shown, so that staff can find this event.
    """

    id: Id
    at: int
    kind: str
    actor_kind: str
    actor_id: Id | None
    about: Subjects
    entry: str
    personal: Mapping[str, str]
    salt: bytes
    support_code: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """What a verb says happened; `record` makes the event of it."""

    kind: str
    about: Subjects = NOBODY
    data: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    personal: Mapping[str, str] = field(default_factory=dict)
    support_code: str = ""


def make_events(happened: Sequence[tuple[Caller, Happening]], now: int) -> list[Event]:
    """The events for these happenings, in this order; their salts are drawn at once.

    The system gives random bytes without Python's lock, so to ask for each salt is to wait for it.

    Raises:
        KeyError: a kind is not in `KINDS`; nothing undocumented is ever recorded.
    """
    drawn = secrets.token_bytes(_SALT * len(happened))
    return [
        _event(happening, caller, now, drawn[at * _SALT : (at + 1) * _SALT])
        for at, (caller, happening) in enumerate(happened)
    ]


def _event(happening: Happening, caller: Caller, now: int, salt: bytes) -> Event:
    KINDS[happening.kind]
    named = {
        "actor": caller.name,
        "address": caller.address,
        "user_agent": caller.user_agent[:300],
        **happening.personal,
    }
    personal = {name: value for name, value in named.items() if value}
    digests = {name: personal_digest(salt, value) for name, value in personal.items()}
    event_id = new_id(now)
    return Event(
        id=event_id,
        at=now,
        kind=happening.kind,
        actor_kind=caller.kind.value,
        actor_id=caller.id,
        about=happening.about,
        entry=_entry(event_id, now, happening, caller, digests),
        personal=personal,
        salt=salt,
        support_code=happening.support_code,
    )


def _entry(
    event_id: Id, now: int, happening: Happening, caller: Caller, digests: Mapping[str, str]
) -> str:
    """The half of an event that never changes; of personal values it holds the digests alone."""
    about = happening.about
    # Written out in the order and form of `canonical`, which takes twice as long.
    return (
        f'{{"about":{{"attempt":{_quoted(about.attempt_id)},"device":{_quoted(about.device_id)},'
        f'"enrollment":{_quoted(about.enrollment_id)},'
        f'"organization":{_quoted(about.organization_id)},"user":{_quoted(about.user_id)}}},'
        f'"actor":{{"id":{_quoted(caller.id)},"kind":{_quoted(caller.kind.value)}}},"at":{now},'
        f'"data":{canonical(dict(happening.data))},"id":{_quoted(event_id)},'
        f'"kind":{_quoted(happening.kind)},"personal":{_of_digests(digests)},'
        f'"support_code":{_quoted(happening.support_code)},"v":{VERSION}}}'
    )


def _quoted(text: str | None) -> str:
    """A text as JSON."""
    return "null" if text is None else encode_basestring(text)


def _of_digests(digests: Mapping[str, str]) -> str:
    """Digests by the names of their values as JSON."""
    return "{" + ",".join(f'{_quoted(name)}:"{digests[name]}"' for name in sorted(digests)) + "}"


def refused(kind: str, refusal: Refusal) -> Happening:
    """The happening that a refusal stands for."""
    data: dict[str, str | int | bool | None] = {
        "code": refusal.code,
        # What the caller was told in detail, such as about a certificate request, is the reason.
        "reason": refusal.reason or refusal.detail,
        **refusal.data,
    }
    if refusal.at is not None:
        data["moment"] = refusal.at
    if refusal.fields:
        data["fields"] = ", ".join(error.field for error in refusal.fields)
    return Happening(kind, refusal.about, data, refusal.personal, refusal.support_code)


_CANONICAL: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
)


def canonical(value: object) -> str:
    """JSON in the one form that is sealed: the same value always gives the same bytes."""
    return _CANONICAL.encode(value)


def personal_digest(salt: bytes, value: str) -> str:
    """The salted digest of a personal value, as the entry holds it."""
    return hashlib.sha256(salt + value.encode()).hexdigest()
