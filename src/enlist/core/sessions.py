"""Device sessions: what one is, and every way in which it ends.

A session is a live connection that was proved with a credential. It is no longer good when its
credential is not; the store decides that, and whatever wakes a process up only makes it ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from enlist.core.ids import Id
from enlist.core.outcomes import Subjects


class Ending(StrEnum):
    """Why a session ended. The word is told to the device and stands in the event."""

    CREDENTIAL_REVOKED = "credential_revoked"
    CREDENTIAL_EXPIRED = "credential_expired"
    DEVICE_BLOCKED = "device_blocked"
    DISCONNECTED = "disconnected"
    REPLACED = "newer_session"
    IDLE = "idle"
    TOO_OLD = "too_old"
    TOO_SLOW = "too_slow"
    MALFORMED = "malformed"
    UNCHECKED = "unchecked"
    SERVER_STOPPING = "server_stopping"
    LEFT = "left"
    LOST = "connection_lost"


WENT: Final = frozenset({Ending.LEFT, Ending.LOST, Ending.SERVER_STOPPING})
"""Endings that nobody decided about the device: it went, or the server did."""


class ProvedBy(StrEnum):
    """How the device proved to hold its key: in the TLS handshake, or by signing a nonce."""

    CERTIFICATE = "certificate"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class DeviceSession:
    """A live session, as the store knows it in whichever process it is.

    Attributes:
        user_id, username: None and "" for a device without a user.
        address: where the device comes from, after trusted proxies.
    """

    id: Id
    device_id: Id
    device_name: str
    organization_id: Id
    organization_path: str
    group_id: str
    user_id: Id | None
    username: str
    credential_id: Id
    credential_serial: str
    proved_by: ProvedBy
    opened_at: int
    address: str
    user_agent: str

    @property
    def subjects(self) -> Subjects:
        """What an event about this session is about."""
        return Subjects(self.organization_id, self.user_id, self.device_id)
