"""Ways to send a message: which there are, which are set up, and which one a user is offered first.

The one place to ask. What is set up is `Tools.channels`; whether a user can be reached by one of
them is his address for it. A channel's name is what `message.type` and the rows of messages say.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from enlist.core.model import User
from enlist.core.outcomes import FieldError, Refusal, Subjects

EMAIL: Final = "email"
SMS: Final = "sms"

CHANNELS: Final = (EMAIL, SMS)
"""Every way that there can be, in the order in which they are offered."""


def enabled(channels: Collection[str]) -> tuple[str, ...]:
    """Those that are set up here, in the order in which they are offered."""
    return tuple(channel for channel in CHANNELS if channel in channels)


def address_of(user: User, channel: str) -> str:
    """Where a user is reached by a channel; "" where he is not."""
    return user.phone if channel == SMS else user.email


def reaching(user: User | None, channels: Collection[str]) -> tuple[str, ...]:
    """The ways that are set up and by which this user can be reached."""
    if user is None:
        return ()
    return tuple(channel for channel in enabled(channels) if address_of(user, channel))


def usual(user: User | None, channels: Collection[str]) -> str:
    """Which way is chosen already where somebody may choose (A14).

    SMS for basic users, e-mail for the others, as far as they can be reached so.
    """
    possible = reaching(user, channels)
    if user is not None and user.source == "basic" and SMS in possible:
        return SMS
    return possible[0] if possible else EMAIL


def reached(user: User | None, channel: str, channels: Collection[str]) -> User | Refusal:
    """The user, where a message can reach him by this channel (A13, A30)."""
    about = Subjects(user_id=user.id if user else None)
    if user is not None and address_of(user, channel):
        return user if channel in channels else Refusal("no_channel", about=about)
    if channel == SMS:
        missing = FieldError("user.phone", "has no phone number")
        return Refusal("phone_missing", about=about, fields=(missing,))
    missing = FieldError("user.email", "has no e-mail address")
    return Refusal("email_missing", about=about, fields=(missing,))
