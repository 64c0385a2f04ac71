"""Delivering what is in the outbox: claim messages, put their letters together, record what came.

A worker claims some (`Claim`), which hides them from the others for five minutes, and has their
letters put together (`Compose`), with tokens that are derived anew. Whoever posts them says what
came of each, and that is written down (`RecordVerdicts`). A token lives from `Compose` until its
letter was handed over and is nowhere kept (A17, X36). A worker that dies in between leaves claims
that run out, so those messages are sent again, with the same Message-ID (X12).

Each takes many messages, as a transaction costs more than what it does about one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Never

from enlist.core.caller import Caller
from enlist.core.clock import HOUR, MINUTE, SECOND
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.model import Message
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.pki.listener import enrollment_jwt
from enlist.store import channel_health, enrollments, events, outbox
from enlist.store.ahead import ReadAhead
from enlist.store.outbox import Handed
from enlist.store.tx import Reader, Tx
from enlist.verbs import sample_messages
from enlist.verbs.channels import EMAIL
from enlist.verbs.driver import Answered, AnyVerb, QuickVerb, Tools, View
from enlist.verbs.issuing import BY_FILE
from enlist.verbs.letters import Letter, read_ahead, read_letter
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict

CLAIMED: Final = 5 * MINUTE
"""How long a claim hides a message from other workers."""

FIRST_WAIT: Final = 10 * SECOND
LONGEST_WAIT: Final = HOUR
MOST_TRIES: Final = 32
"""Ten seconds doubling to an hour: the last of these is a day after the first."""


def back_off(tries: int) -> int:
    """How long to wait after so many tries, in microseconds: growing, at most an hour (TP41)."""
    return min(FIRST_WAIT << min(tries - 1, 20), LONGEST_WAIT)


@dataclass(frozen=True)
class DueMessages(View[tuple[Id, ...]]):
    """Messages that should be sent now by one channel, the longest waiting first."""

    channel: str = EMAIL
    limit: int = 100

    def read(self, tx: Reader, caller: Caller) -> tuple[Id, ...] | Refusal:
        return tuple(outbox.due(tx, self.channel, self.limit))


@dataclass(frozen=True)
class Claim(QuickVerb[tuple[Id, ...], tuple[Message, ...]]):
    """Take messages for sending; answers those of them with which there is something to do.

    A message whose sending never came to an end, as when each try takes its process down, is
    given up here after as many tries as any other.
    """

    message_ids: tuple[Id, ...]

    name = "claim_messages"
    by_keys = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> tuple[Id, ...] | Refusal:
        return self.message_ids

    def apply(
        self, tx: Tx, caller: Caller, ready: tuple[Id, ...]
    ) -> Done[tuple[Message, ...]] | Refusal:
        claimed = outbox.claim(tx, ready, tx.now + CLAIMED)
        spent = [each for each in claimed if each.tries > MOST_TRIES]
        given_up = [
            happening
            for each in spent
            for happening in _give_up(tx, tx, each, each.reason or "every try was broken off")
        ]
        events.record_each(tx, [(caller, each) for each in given_up])
        return Done(tuple(each for each in claimed if each.tries <= MOST_TRIES))


Written = Letter | Rejected | Retry
"""A letter, or why there is none."""


@dataclass(frozen=True)
class Compose(AnyVerb[tuple[Written, ...], Never, tuple[Written, ...]]):
    """Put together the letters of claimed messages; answers one for each, in order.

    It changes nothing, and what it answers is for whoever posts it alone.
    """

    messages: tuple[Message, ...]

    name = "compose_messages"
    by_keys = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> tuple[Written, ...] | Refusal:
        ahead = read_ahead(tx, self.messages)
        return tuple(_read(tools, ahead, each) for each in self.messages)

    def work(
        self, tools: Tools, caller: Caller, seen: tuple[Written, ...]
    ) -> Answered[tuple[Written, ...]] | Refusal:
        return Answered(Done(tuple(_with_file(tools, each) for each in seen)))


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a message; `posted` where it got as far as its channel."""

    message: Message
    verdict: Verdict
    posted: bool


@dataclass(frozen=True)
class RecordVerdicts(QuickVerb[tuple[Came, ...], tuple[Came, ...]]):
    """Write down what came of claimed messages; a worker whose claim has run out changes nothing.

    It refuses nobody: whatever is wrong ends up in the message's row, for the console.
    """

    came: tuple[Came, ...]

    name = "record_verdicts"
    by_keys = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> tuple[Came, ...] | Refusal:
        return self.came

    def apply(
        self, tx: Tx, caller: Caller, ready: tuple[Came, ...]
    ) -> Done[tuple[Came, ...]] | Refusal:
        ahead = ReadAhead(tx)
        about = {each.message.enrollment_id for each in ready}
        enrollments.read_ahead(ahead, filter(None, about))
        ahead.read()
        _judge(tx, ready)
        happened = _sent(tx, ahead, ready)
        for each in ready:
            happened += _not_sent(tx, ahead, each.message, each.verdict)
        events.record_each(tx, [(caller, each) for each in happened])
        return Done(ready)


def _sent(tx: Tx, ahead: Reader, came: Sequence[Came]) -> list[Happening]:
    """Write down which were accepted."""
    handed = [
        Handed(each.message.id, each.message.tries, each.verdict.provider_id)
        for each in came
        if isinstance(each.verdict, Accepted)
    ]
    found = outbox.sent(tx, handed)
    return [
        happening(ahead, "message.sent", each.message) for each in came if each.message.id in found
    ]


def _not_sent(tx: Tx, ahead: Reader, message: Message, verdict: Verdict) -> list[Happening]:
    """Write down that it was not accepted, where that is so, and when to try again."""
    if isinstance(verdict, Accepted):
        return []
    if isinstance(verdict, Rejected):
        return _give_up(tx, ahead, message, verdict.reason)
    if message.tries >= MOST_TRIES:
        reason = f"given up after {message.tries} tries: {verdict.reason}"
        return _give_up(tx, ahead, message, reason)
    wait = max(back_off(message.tries), verdict.after)
    outbox.later(tx, message.id, message.tries, tx.now + wait, verdict.reason)
    return []


def _judge(tx: Tx, came: Sequence[Came]) -> None:
    """What came of messages says something about their channels, too."""
    well: set[str] = set()
    for each in came:
        channel, verdict = each.message.channel, each.verdict
        if not each.posted:
            continue
        if not isinstance(verdict, Accepted):
            well.discard(channel)
        elif channel not in well:  # and so written down by now
            well.add(channel)
            channel_health.well(tx, channel)
        if isinstance(verdict, Rejected):
            channel_health.refused(tx, channel, verdict.reason)
        elif isinstance(verdict, Retry) and verdict.unreachable:
            channel_health.unreachable(tx, channel, verdict.reason)


def _read(tools: Tools, tx: Reader, message: Message) -> Written:
    if message.purpose == sample_messages.PURPOSE:
        return sample_messages.sample_sent(tools, tx, message)
    return read_letter(tools, tx, message)


def _with_file(tools: Tools, written: Written) -> Written:
    by_file = isinstance(written, Letter) and written.purpose == BY_FILE and not written.sample
    return _with_jwt(tools, written) if isinstance(written, Letter) and by_file else written


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


def _give_up(tx: Tx, reader: Reader, message: Message, reason: str) -> list[Happening]:
    """Give a message up, where it is still in hand; what there is to record of that."""
    if not outbox.failed(tx, message.id, message.tries, reason):
        return []
    return [happening(reader, "message.failed", message, reason)]


def happening(tx: Reader, kind: str, message: Message, reason: str = "") -> Happening:
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
