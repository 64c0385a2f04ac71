"""Test send: a template as somebody types it, sent as a marked sample to himself or an address.

It goes through the outbox and the channels like every other message, so it proves the way as well
as the words, and the list of messages says what came of it. Nothing real is in it but the
organization: people and device are made up, and its token can never be one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import HOUR
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Message, Organization, User
from enlist.core.outcomes import Done, Refusal, Send, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.store import events, organizations, outbox, sample_messages, users
from enlist.store.outbox import NewMessage
from enlist.store.sample_messages import Words
from enlist.store.tx import Reader, Tx
from enlist.verbs import fields, report_keys
from enlist.verbs.caps import over_cap
from enlist.verbs.channels import SMS, address_of
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.fields import Unfit
from enlist.verbs.finding import organization_named
from enlist.verbs.letters import Letter
from enlist.verbs.templates import Wording, sample_of
from enlist.verbs.verdicts import Rejected

PURPOSE: Final = "template_test"


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a test is sent from, and who asked for it.

    Attributes:
        himself: None for an API key, or the host.
    """

    organization: Organization
    himself: User | None
    sms_per_day: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A test that can be queued."""

    asked: Asked
    message: NewMessage
    words: Words


@dataclass(frozen=True)
class SendSample(Verb[Asked, Ready, Message]):
    """Send a wording as a sample; nothing of it is kept as a template.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `template_invalid`, `email_missing`,
    `phone_missing`, `no_channel`, `sms_cap_reached`, `recipient_cap_reached`.

    Attributes:
        recipient: an e-mail address or a phone number; "" for the caller's own.
    """

    organization: str
    wording: Wording
    recipient: str = ""

    name = "send_sample"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Asked | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.TEMPLATES_EDIT)
        if isinstance(place, Refusal):
            return place
        by_person = caller.kind is CallerKind.USER and caller.id is not None
        himself = users.find(tx, caller.id or "") if by_person else None
        policy = organizations.policy(tx, place.path)
        return self.wording.refusal() or Asked(place, himself, policy.sms_per_day)

    def work(self, tools: Tools, caller: Caller, seen: Asked) -> Ready | Refusal:
        wording, place = self.wording, seen.organization
        recipient = self._recipient(seen)
        if isinstance(recipient, Refusal):
            return recipient
        if wording.channel not in tools.channels:
            return Refusal("no_channel", about=Subjects(place.id))
        message_id = new_id(tools.clock())
        himself = seen.himself if not self.recipient.strip() else None
        message = NewMessage(
            id=message_id,
            organization_id=place.id,
            user_id=himself.id if himself else None,
            enrollment_id=None,
            generation=0,
            purpose=PURPOSE,
            template=wording.name.strip(),
            channel=wording.channel,
            recipient=recipient,
            message_id=f"<{message_id}@{tools.addresses.mail_domain}>",
        )
        subject, body = wording.subject.strip(), wording.body.replace("\r\n", "\n").strip()
        return Ready(seen, message, Words(wording.purpose, wording.language, subject, body))

    def _recipient(self, seen: Asked) -> str | Refusal:
        """The address that was given, read as its channel wants it; else the caller's own."""
        channel, given = self.wording.channel, self.recipient.strip()
        if given:
            try:
                return fields.phone(given) if channel == SMS else fields.email(given)
            except Unfit as error:
                return invalid("recipient", str(error))
        if seen.himself is None:
            return invalid("recipient", "must be given: an API key has no address of its own")
        own = address_of(seen.himself, channel)
        missing = "phone_missing" if channel == SMS else "email_missing"
        return own or Refusal(missing, about=Subjects(user_id=seen.himself.id))

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Message] | Refusal:
        message, words = ready.message, ready.words
        about = Subjects(message.organization_id, message.user_id)
        channel, most = message.channel, ready.asked.sms_per_day
        refusal = over_cap(tx, channel, message.recipient, about, most)
        if refusal is not None:
            return refusal
        outbox.insert(tx, message)
        sample_messages.insert(tx, message.id, words)
        data: dict[str, str | int | bool | None] = {
            "message": message.id,
            "name": message.template,
            "channel": message.channel,
            "purpose": words.purpose,
            "language": words.language,
            "subject": words.subject,
            "body": words.body,
        }
        told = Happening("template.tested", about, data, {"recipient": message.recipient})
        events.record(tx, caller, told)
        return Done(_queued(tx, message.id), (Send(message.id),))

    def made(self, value: Message) -> Id:
        """For Idempotency-Key."""
        return value.id


@dataclass(frozen=True)
class SampleAgain(Verb[Message, Message, Message]):
    """The same test once more, for the same Idempotency-Key; nothing is sent."""

    message_id: Id

    name = "send_sample"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Message | Refusal:
        return _queued(tx, self.message_id)

    def work(self, tools: Tools, caller: Caller, seen: Message) -> Message | Refusal:
        return seen

    def apply(self, tx: Tx, caller: Caller, ready: Message) -> Done[Message] | Refusal:
        return Done(ready)


def _queued(tx: Reader, message_id: Id) -> Message:
    found = outbox.find(tx, message_id)
    assert found is not None, "messages stay"
    return found


def sample_sent(tools: Tools, tx: Reader, message: Message) -> Letter | Rejected:
    """The letter that such a message stands for."""
    words = sample_messages.find(tx, message.id)
    place = organizations.find(tx, message.organization_id)
    if words is None or place is None:
        return Rejected("the organization is gone")
    wording = Wording(
        message.template, words.purpose, message.channel, words.language, words.subject, words.body
    )
    hours = organizations.policy(tx, place.path).token_expiration_hours
    letter = sample_of(tx, place, wording, tx.now + hours * HOUR)
    reader = users.find(tx, message.user_id) if message.user_id else None
    return replace(
        letter,
        recipient=message.recipient,
        recipient_name=reader.display_name if reader else "",
        message_id=message.message_id,
        report=report_keys.handle(tools.keys, message.id) if message.channel == SMS else "",
    )
