"""The demo's channel: messages are kept in memory, for a page that shows them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from enlist.delivery.channels.channel import Attachment, Outgoing, Picture
from enlist.delivery.channels.mime import BadAddress, address, compose, sender
from enlist.verbs.verdicts import Accepted, Rejected, Verdict

_KEPT: Final = 500


@dataclass(frozen=True, slots=True)
class CapturedMessage:
    """A message that was kept instead of sent; `headers` are as a mail client shows them."""

    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    at: int
    headers: tuple[tuple[str, str], ...]
    attachment: Attachment | None = None
    pictures: tuple[Picture, ...] = ()


class MailboxChannel:
    """Keeps the newest messages. It may be read while the worker fills it."""

    def __init__(self, mail_from: str = "Enlist <enlist@localhost>", *, kept: int = _KEPT) -> None:
        self._sender = sender(mail_from)
        self._messages: deque[CapturedMessage] = deque(maxlen=kept)
        self._lock = threading.Lock()

    def messages(self) -> list[CapturedMessage]:
        """What was sent, newest first."""
        with self._lock:
            return list(reversed(self._messages))

    def send(self, message: Outgoing) -> Verdict:
        try:
            recipient = address(message.recipient, message.recipient_name)
        except BadAddress as error:
            return Rejected(str(error))
        mail = compose(message, self._sender, recipient)
        headers = tuple((name, str(value)) for name, value in mail.items())
        captured = CapturedMessage(
            message.recipient,
            str(mail["Subject"]),
            message.text,
            message.html,
            message.at,
            headers,
            message.attachment,
            message.pictures,
        )
        with self._lock:
            self._messages.append(captured)
        return Accepted()

    def release(self) -> None:
        """Nothing is held."""
