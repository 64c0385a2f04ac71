"""The ways in which messages leave: e-mail, and the demo's mailbox."""

from __future__ import annotations

from enlist.delivery.channels.channel import Attachment, Channel, Outgoing, Picture
from enlist.delivery.channels.mailbox import CapturedMessage, MailboxChannel

__all__ = ["Attachment", "CapturedMessage", "Channel", "MailboxChannel", "Outgoing", "Picture"]
