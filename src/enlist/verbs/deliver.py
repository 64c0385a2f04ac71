"""Delivering what is in the outbox: claim a message, send it, write down what came of it.

A worker claims a message (`Claim`), which hides it from the others for five minutes, and then
performs `Deliver`. Its three parts are every verb's: `look` reads all that the text needs and
derives the token anew, `work` hands the letter to whoever can post it, `apply` records the
verdict. The token lives from `look` to the end of `work` and is nowhere kept (A17, X36). A worker
that dies in between leaves a claim that runs out, so the message is sent again, with the same
Message-ID (X12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR, MINUTE, SECOND
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.lifecycle import EnrollmentState
from enlist.core.model import (
    Device,
    Enrollment,
    Message,
    Organization,
    User,
    UserState,
)
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.core.secrets import Secret
from enlist.pki.listener import enrollment_jwt
from enlist.store import (
    devices,
    enrollment_secrets,
    enrollments,
    events,
    organizations,
    outbox,
    recoveries,
    templates,
    users,
)
from enlist.store.templates import Template
from enlist.store.tx import Reader, Tx
from enlist.verbs import recovery
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.issuing import BY_FILE, DEFAULT_TEMPLATE

CLAIMED: Final = 5 * MINUTE
"""How long a claim hides a message from other workers."""

FIRST_WAIT: Final = 10 * SECOND
LONGEST_WAIT: Final = HOUR
MOST_TRIES: Final = 32
"""Ten seconds doubling to an hour: the last of these is a day after the first."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message was handed over."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now.

    Attributes:
        after: microseconds that the other side asked to wait, if it did.
        unreachable: the channel as a whole is out of order, so other messages had better wait too.
    """

    reason: str
    after: int = 0
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never: this message cannot be sent, whoever tries."""

    reason: str


Verdict = Accepted | Retry | Rejected


@dataclass(frozen=True, slots=True)
class Letter:
    """All that a message is made of. The token is readable in here, and only here.

    Attributes:
        languages: BCP 47 tags in the order in which the recipient wants them; ends with `en`.
        time_zones: IANA names, the recipient's own first; may hold nonsense, may be empty.
        own_templates: the organizations' own templates in order of preference; the built-in one
            of a language stands behind an own one of the same language.
        built_in: whether a built-in template may be used; not where another one was named.
        recipient_name: how the person it goes to is called; "" where it is no user.
        user: whom it is about.
        sender: name of the person who issued the token; "" where it was no person.
        jwt: goes along as a file, where the token is a JWT's `jti` and so stands in no text.
        sample: made up, for a preview.
    """

    purpose: str
    channel: str
    recipient: str
    recipient_name: str
    message_id: str
    at: int
    enrollment_id: Id
    token: Secret
    expires_at: int
    organization: Organization
    user: User | None
    device: Device | None
    sender: str
    languages: tuple[str, ...]
    time_zones: tuple[str, ...]
    own_templates: tuple[Template, ...] = ()
    built_in: bool = True
    sample: bool = False
    jwt: Secret | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must show up in no log and no reason."""
        jwt = (self.jwt.reveal(),) if self.jwt is not None else ()
        return (*jwt, self.token.reveal())


def back_off(tries: int) -> int:
    """How long to wait after so many tries, in microseconds: growing, at most an hour (TP41)."""
    return min(FIRST_WAIT << min(tries - 1, 20), LONGEST_WAIT)


@dataclass(frozen=True)
class DueMessages(View[tuple[Id, ...]]):
    """Messages that should be sent now, the longest waiting first."""

    limit: int = 100

    def read(self, tx: Reader, caller: Caller) -> tuple[Id, ...] | Refusal:
        return tuple(outbox.due(tx, self.limit))


@dataclass(frozen=True)
class Claim(QuickVerb[Id, Message | None]):
    """Take a message for sending; None when there is nothing to do any more.

    A message whose sending never came to an end, as when each try takes its process down, is
    given up here after as many tries as any other.
    """

    message_id: Id

    name = "claim_message"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Id | Refusal:
        return self.message_id

    def apply(self, tx: Tx, caller: Caller, ready: Id) -> Done[Message | None] | Refusal:
        claimed = outbox.claim(tx, ready, tx.now + CLAIMED)
        if claimed is not None and claimed.tries > MOST_TRIES:
            _give_up(tx, caller, claimed, claimed.reason or "every try was broken off")
            return Done(None)
        return Done(claimed)


@dataclass(frozen=True)
class Deliver(Verb[Letter | Rejected | Retry, Verdict, Verdict]):
    """Send a claimed message and record the verdict; answers it.

    Attributes:
        message: as `Claim` answered it.
        post: renders a letter and hands it to a channel; must not raise.

    It refuses nobody: whatever is wrong ends up in the message's row, for the console.
    """

    message: Message
    post: Callable[[Letter], Verdict] = field(compare=False, repr=False)

    name = "deliver"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Letter | Rejected | Retry | Refusal:
        return read_letter(tools, tx, self.message)

    def work(
        self, tools: Tools, caller: Caller, seen: Letter | Rejected | Retry
    ) -> Verdict | Refusal:
        if not isinstance(seen, Letter):
            return seen
        letter = _with_jwt(tools, seen) if seen.purpose == BY_FILE else seen
        verdict = self.post(letter)
        if not isinstance(verdict, Accepted):
            # A mail server may quote what it refuses: the link must not end up in a reason (X36).
            reason = verdict.reason
            for secret in letter.secrets:
                reason = reason.replace(secret, "•••") if secret else reason
            verdict = replace(verdict, reason=reason)
        return verdict

    def apply(self, tx: Tx, caller: Caller, ready: Verdict) -> Done[Verdict] | Refusal:
        """Write down the verdict; a worker whose claim has run out changes nothing."""
        message = self.message
        if isinstance(ready, Accepted):
            if outbox.sent(tx, message.id, message.tries):
                events.record(tx, caller, _happening(tx, "message.sent", message))
        elif isinstance(ready, Rejected):
            _give_up(tx, caller, message, ready.reason)
        elif message.tries >= MOST_TRIES:
            reason = f"given up after {message.tries} tries: {ready.reason}"
            _give_up(tx, caller, message, reason)
        else:
            wait = max(back_off(message.tries), ready.after)
            outbox.later(tx, message.id, message.tries, tx.now + wait, ready.reason)
        return Done(ready)


def _with_jwt(tools: Tools, letter: Letter) -> Letter:
    """A letter with the JWT that it is to bring along; signing takes too long for `look`."""
    assert letter.device is not None
    jwt = enrollment_jwt(
        tools.listener(),
        issuer=tools.addresses.device_url,
        device_id=letter.device.id,
        jti=letter.token,
        expires_at=letter.expires_at,
    )
    return replace(letter, jwt=jwt)


def _give_up(tx: Tx, caller: Caller, message: Message, reason: str) -> None:
    if outbox.failed(tx, message.id, message.tries, reason):
        events.record(tx, caller, _happening(tx, "message.failed", message, reason))


def _happening(tx: Reader, kind: str, message: Message, reason: str = "") -> Happening:
    """What happened to a message; its recipient, and a reason that may name him, are personal."""
    found = enrollments.find(tx, message.enrollment_id) if message.enrollment_id else None
    about = Subjects(
        message.organization_id,
        message.user_id,
        found.device_id if found else None,
        message.enrollment_id,
    )
    data: dict[str, str | int | bool | None] = {
        "message": message.id,
        "channel": message.channel,
        "purpose": message.purpose,
        "generation": message.generation,
        "tries": message.tries,
    }
    return Happening(kind, about, data, {"recipient": message.recipient, "reason": reason})


# --- what a letter is made of --------------------------------------------------------------------


def read_letter(tools: Tools, tx: Reader, message: Message) -> Letter | Rejected | Retry:
    """The letter that a message stands for, or why it is not to be sent any more."""
    if message.purpose == recovery.PURPOSE:
        return _told_of_recovery(tx, message)
    found = enrollments.find(tx, message.enrollment_id) if message.enrollment_id else None
    organization = organizations.find(tx, message.organization_id)
    if found is None or organization is None:
        return Rejected("the enrollment ended")
    user = users.find(tx, message.user_id) if message.user_id else None
    pointless = _pointless(found, user, message, tx.now)
    if pointless is not None:
        return pointless
    row = enrollment_secrets.derivation(tx, found.id, message.generation)
    if row is None:
        return Rejected("the enrollment has no token")
    try:
        token = tools.keys.derive_again(
            found.id, row.generation, row.key_id, row.length, row.alphabet
        )
    except KeyError as error:
        return Retry(str(error.args[0]), unreachable=True)
    return _compose(tx, message, found, organization, user, token)


def _told_of_recovery(tx: Reader, message: Message) -> Letter | Rejected:
    """What every administrator is told when a way in is made at the machine; it holds no secret."""
    made = recoveries.made_at(tx, message.queued_at)
    reader = users.find(tx, message.user_id) if message.user_id else None
    organization = organizations.find(tx, message.organization_id)
    if made is None or reader is None or organization is None:
        return Rejected("whoever it was for is gone")
    user = users.find(tx, made.user_id)
    above = organizations.upwards(tx, organization.path)
    wanted = (reader.language, _nearest(level.language for level in above), "en")
    return Letter(
        purpose=message.purpose,
        channel=message.channel,
        recipient=message.recipient,
        recipient_name=reader.display_name,
        message_id=message.message_id,
        at=tx.now,
        enrollment_id="",
        token=Secret(""),
        expires_at=message.queued_at + recovery.LIFETIME,
        organization=organization,
        user=user,
        device=None,
        sender=made.actor,
        languages=_languages(wanted),
        time_zones=_zones(reader, above),
    )


def _pointless(
    found: Enrollment, user: User | None, message: Message, now: int
) -> Rejected | Retry | None:
    """Why nobody needs this message any more, or now; a dead token is never sent."""
    if found.state is EnrollmentState.ON_HOLD:
        return Retry("the enrollment is on hold")
    if found.state is not EnrollmentState.ACTIVE:
        return Rejected("the enrollment ended")
    if found.generation != message.generation:
        return Rejected("a newer message was sent")
    if found.expires_at <= now:
        last = f" (last try: {message.reason})" if message.reason else ""
        return Rejected(f"the enrollment expired before the message could be sent{last}")
    if message.user_id is not None and (user is None or user.state is not UserState.ACTIVE):
        return Rejected("the user's account is disabled or was deleted")
    return None


def _compose(
    tx: Reader,
    message: Message,
    found: Enrollment,
    organization: Organization,
    user: User | None,
    token: Secret,
) -> Letter:
    above = organizations.upwards(tx, organization.path)
    languages = _languages(
        (user.language if user else "", _nearest(level.language for level in above), "en")
    )
    return Letter(
        purpose=message.purpose,
        channel=message.channel,
        recipient=message.recipient,
        recipient_name=user.display_name if user else "",
        message_id=message.message_id,
        at=tx.now,
        enrollment_id=found.id,
        token=token,
        expires_at=found.expires_at,
        organization=organization,
        user=user,
        device=devices.find(tx, found.device_id) if found.device_id else None,
        sender=outbox.issuer(tx, found.id),
        languages=languages,
        time_zones=_zones(user, above),
        own_templates=_own_templates(tx, organization.path, message, languages),
        built_in=message.template in ("", DEFAULT_TEMPLATE),
    )


def _zones(user: User | None, above: Sequence[Organization]) -> tuple[str, ...]:
    zones = (user.time_zone if user else "", _nearest(level.time_zone for level in above))
    return tuple(zone for zone in zones if zone)


def _nearest(values: Iterable[str]) -> str:
    """The first value that is set."""
    return next((value for value in values if value), "")


def _languages(wanted: Iterable[str]) -> tuple[str, ...]:
    """Tags in order of preference, each followed by its language without the region."""
    tags = [tag.replace("_", "-") for tag in wanted if tag]
    return tuple(dict.fromkeys(each for tag in tags for each in (tag, tag.partition("-")[0])))


def _own_templates(
    tx: Reader, path: str, message: Message, languages: tuple[str, ...]
) -> tuple[Template, ...]:
    """For each language the nearest template in it; last, the nearest in any."""
    found: dict[Id, Template] = {}
    others: dict[Id, Template] = {}
    for language in languages:
        nearest = templates.nearest(
            tx,
            path,
            name=message.template or DEFAULT_TEMPLATE,
            purpose=message.purpose,
            channel=message.channel,
            language=language,
        )
        if nearest is not None:
            (found if nearest.language == language else others)[nearest.id] = nearest
    return (*found.values(), *others.values())
