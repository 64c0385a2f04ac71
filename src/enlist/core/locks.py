"""Locks: who has to wait, or soon will, because something was tried too often.

Each is a count that ends by itself or with what it is about; staff can end it before. The company
passcode has its own rules, and no limit of what may be sent is a lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from enlist.core.ids import Id


class LockKind(StrEnum):
    """What has to wait."""

    USER = "user"
    ENROLLMENT = "enrollment"
    DEVICE = "device"
    NETWORK = "network"


class LockCause(StrEnum):
    """What was tried too often."""

    WRONG_PASSWORDS = "wrong_passwords"
    PASSWORD_LINKS = "password_links"
    WRONG_LOGINS = "wrong_logins"
    ATTEMPTS = "attempts"
    RENEWALS = "renewals"
    API_SESSIONS = "api_sessions"
    REFUSALS = "refusals"
    WITHOUT_CERTIFICATE = "without_certificate"


@dataclass(frozen=True, slots=True)
class Lock:
    """One count in force.

    Attributes:
        id: of the user, enrollment or device; of a network, its first address.
        name: user name, name of the device, or network.
        organization_id: None for a network, which belongs to no organization.
        most: how many there may be; None where each makes the wait longer instead.
        until: when it may be tried again; None where it may be now.
        forgotten_at: when the count ends by itself; None where that ends with the token.
        network: where tries from this network alone are counted, else "".
    """

    kind: LockKind
    id: str
    name: str
    organization_id: Id | None
    organization_path: str
    group_id: str
    cause: LockCause
    counted: int
    most: int | None
    until: int | None
    forgotten_at: int | None
    network: str = ""


@dataclass(frozen=True, slots=True)
class Locks:
    """Those of an organization and below. `more` names the kinds of which not all are listed."""

    items: tuple[Lock, ...]
    more: tuple[LockKind, ...] = ()
