"""The post: it writes letters out, hands them over, and says what became of each.

It knows no database and holds no keys, so that it can be in another process than whoever claims
the messages and records what became of them. Letters hold tokens: none is ever shown.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from enlist.core.ids import Id
from enlist.delivery.channels import Attachment, Channel, Outgoing
from enlist.delivery.lookups import ascii_url, report_url
from enlist.delivery.rendering import render
from enlist.verbs.letters import Letter
from enlist.verbs.one_time_jwt import jwt_file_name
from enlist.verbs.verdicts import Rejected, Retry, Verdict, without


@dataclass(frozen=True, slots=True)
class Fault:
    """An error that nobody expected, with no secret of the letter in its trace."""

    trace: str = field(repr=False)


Posted = tuple[Id, Verdict | Fault]
"""The id of a message, and what became of its letter."""


class Post(Protocol):
    """Whoever hands letters over. It is used by one thread."""

    def most(self, channel: str) -> int:
        """How many letters of a channel may be under way at once; 0 while it can take none."""
        ...

    def send(self, letters: Sequence[tuple[Id, Letter]]) -> None:
        """Take letters, each with the id of its message."""
        ...

    def answers(self) -> Sequence[Posted]:
        """What became of some that are under way, once something is known of any."""
        ...

    def release(self) -> None:
        """Nothing is under way: let go of what is held for the next letter."""
        ...


class PostHere:
    """Hands letters over in the thread that asks, one after the other.

    Args:
        channels: the ways to send, by the name that message rows carry (`email`, `sms`).
        public_url: the address that links begin with.
    """

    def __init__(self, channels: Mapping[str, Channel], public_url: str) -> None:
        self._channels = channels
        self._public_url = public_url
        self._letters: deque[tuple[Id, Letter]] = deque()

    def most(self, channel: str) -> int:  # noqa: ARG002 - all channels take turns
        return 0 if self._letters else 1

    def send(self, letters: Sequence[tuple[Id, Letter]]) -> None:
        self._letters.extend(letters)

    def answers(self) -> Sequence[Posted]:
        message_id, letter = self._letters.popleft()
        channel = self._channels.get(letter.channel)
        return [(message_id, hand_over(letter, channel, self._public_url))]

    def release(self) -> None:
        for each in self._channels.values():
            each.release()


def hand_over(letter: Letter, channel: Channel | None, public_url: str) -> Verdict | Fault:
    """Write a letter out and hand it over; never raises, as one that breaks holds up no other.

    Args:
        channel: None where no way is set up.
    """
    if channel is None:
        return Retry(f"no way to send by {letter.channel} is set up", unreachable=True)
    try:
        rendered = render(letter, public_url)
        if isinstance(rendered, Rejected):
            return rendered
        verdict = channel.send(
            Outgoing(
                message_id=letter.message_id,
                at=letter.at,
                recipient=letter.recipient,
                recipient_name=letter.recipient_name,
                subject=rendered.subject,
                text=rendered.text,
                html=rendered.html,
                language=rendered.language,
                attachment=_attachment(letter),
                report_url=_report_url(letter, public_url),
                pictures=rendered.pictures,
            )
        )
        return without(verdict, letter.secrets)
    except Exception:  # noqa: BLE001 - told to whoever asked
        return Fault(_hidden(traceback.format_exc(), letter))


def _report_url(letter: Letter, public_url: str) -> str:
    return report_url(ascii_url(public_url), letter.report) if letter.report else ""


def _attachment(letter: Letter) -> Attachment | None:
    """The JWT, as the file that a client reads; the name holds nothing that is not a name's."""
    if letter.jwt is None or letter.device is None:
        return None
    name = jwt_file_name(letter.device.name)
    return Attachment(name, "application/jwt", letter.jwt.reveal().encode())


def _hidden(trace: str, letter: Letter) -> str:
    for secret in filter(None, letter.secrets):
        trace = trace.replace(secret, "•••")
    return trace
