"""What every way to send messages looks like.

A channel hands over one message at a time and says what came of it. It never raises for what the
world does to it: an unreachable server is a `Retry` like any other. It is used by one thread.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Protocol

from enlist.verbs.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along. Its `repr` does not show what is in it.

    Attributes:
        media_type: such as `application/jwt`.
    """

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the HTML part shows as `cid:<name>`; a QR code holds the secret."""

    name: str
    media_type: str
    content: bytes = field(repr=False)

    @property
    def data_uri(self) -> str:
        """The picture as an address of its own."""
        return f"data:{self.media_type};base64,{b64encode(self.content).decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to be handed over. Its `repr` shows neither text nor HTML.

    Attributes:
        message_id: the same at every try, so that the other side can tell a repetition (X12).
        at: when it is sent, microseconds UTC.
        recipient_name: the recipient's display name, or "".
        subject, html: of e-mail; an SMS is its text.
        report_url: where a gateway can tell what became of it; "" where it is told nobody.
    """

    message_id: str
    at: int
    recipient: str
    recipient_name: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str
    attachment: Attachment | None = None
    report_url: str = field(default="", repr=False)
    pictures: tuple[Picture, ...] = ()


class Channel(Protocol):
    """One way to send messages."""

    def send(self, message: Outgoing) -> Verdict:
        """Hand a message over, keeping open for the next one whatever that needs."""
        ...

    def release(self) -> None:
        """The batch is over: let go of connections."""
        ...
