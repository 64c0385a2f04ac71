"""Delivering what is in the outbox: claim a message, send it, write down what came of it.

A worker claims a message (`Claim`), which hides it from the others for five minutes, and then
performs `Deliver`. Its three parts are every verb's: `look` reads all that the text needs and
derives the token anew, `work` hands the letter to whoever can post it, `apply` records the
verdict. The token lives from `look` to the end of `work` and is nowhere kept (A17, X36). A worker
that dies in between leaves a claim that runs out, so the message is sent again, with the same
Message-ID (X12).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR, MINUTE, SECOND
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.model import Message
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.pki.listener import enrollment_jwt
from enlist.store import channel_health, enrollments, events, outbox
from enlist.store.tx import Reader, Tx
from enlist.verbs import sample_messages
from enlist.verbs.channels import EMAIL
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.issuing import BY_FILE
from enlist.verbs.letters import Letter, read_letter
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


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a message; `posted` where it got as far as its channel."""

    verdict: Verdict
    posted: bool


@dataclass(frozen=True)
class Deliver(Verb[Letter | Rejected | Retry, Came, Verdict]):
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
        if self.message.purpose == sample_messages.PURPOSE:
            return sample_messages.sample_sent(tools, tx, self.message)
        return read_letter(tools, tx, self.message)

    def work(self, tools: Tools, caller: Caller, seen: Letter | Rejected | Retry) -> Came | Refusal:
        if not isinstance(seen, Letter):
            return Came(seen, posted=False)
        with_file = seen.purpose == BY_FILE and not seen.sample
        letter = _with_jwt(tools, seen) if with_file else seen
        verdict = self.post(letter)
        if not isinstance(verdict, Accepted):
            # A mail server may quote what it refuses: the link must not end up in a reason (X36).
            reason = verdict.reason
            for secret in letter.secrets:
                reason = reason.replace(secret, "•••") if secret else reason
            verdict = replace(verdict, reason=reason)
        return Came(verdict, posted=True)

    def apply(self, tx: Tx, caller: Caller, ready: Came) -> Done[Verdict] | Refusal:
        """Write down the verdict; a worker whose claim has run out changes nothing."""
        message, verdict = self.message, ready.verdict
        if ready.posted:
            _judge(tx, message.channel, verdict)
        if isinstance(verdict, Accepted):
            if outbox.sent(tx, message.id, message.tries, verdict.provider_id):
                events.record(tx, caller, happening(tx, "message.sent", message))
        elif isinstance(verdict, Rejected):
            _give_up(tx, caller, message, verdict.reason)
        elif message.tries >= MOST_TRIES:
            reason = f"given up after {message.tries} tries: {verdict.reason}"
            _give_up(tx, caller, message, reason)
        else:
            wait = max(back_off(message.tries), verdict.after)
            outbox.later(tx, message.id, message.tries, tx.now + wait, verdict.reason)
        return Done(verdict)


def _judge(tx: Tx, channel: str, verdict: Verdict) -> None:
    """What came of a message says about its channel, too."""
    if isinstance(verdict, Accepted):
        channel_health.well(tx, channel)
    elif isinstance(verdict, Rejected):
        channel_health.refused(tx, channel, verdict.reason)
    elif verdict.unreachable:
        channel_health.unreachable(tx, channel, verdict.reason)


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
        events.record(tx, caller, happening(tx, "message.failed", message, reason))


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
