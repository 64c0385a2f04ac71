"""The company passcode: how an organization's self-service stands.

A passcode is generated, replaced, disabled and locked, and never comes back: each generation is a
row of its own, and the newest says how self-service stands. Where the settings say `shield` too
many wrong entries do not lock it: from then on nothing that is typed is compared before whoever
types has shown that he reads the mailbox of somebody known (X49).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from enlist.core.ids import Id
from enlist.core.model import stands_at
from enlist.core.outcomes import Subjects


class Lockout(StrEnum):
    """What too many wrong entries lead to."""

    DISABLE = "disable"
    SHIELD = "shield"


class PasscodeState(StrEnum):
    """How one generation of a passcode stands, as it is stored.

    Overlapping: replaced, and good until its end beside the newer one.
    """

    ACTIVE = "active"
    OVERLAPPING = "overlapping"
    REPLACED = "replaced"
    DISABLED = "disabled"
    LOCKED = "locked"


class SelfService(StrEnum):
    """How self-service enrollment stands, for people."""

    NONE = "none"
    ACTIVE = "active"
    SHIELDED = "shielded"
    DISABLED = "disabled"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Passcode:
    """One generation of an organization's passcode; never the passcode itself.

    Attributes:
        generated_by: user name, or name of the API key; `generated_by_email` is that user's today.
        ends_at: when one that overlaps ends.
        failed_in_a_row: wrong entries since the last right one; `failed` since it was generated.
        accepted: right entries of somebody known. `uses`: devices that were enrolled so.
        derive_key_id, derive_number: what it can be derived with again; "" where it cannot be.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    number: int
    state: PasscodeState
    generated_at: int
    generated_by: str
    generated_by_id: Id | None
    generated_by_email: str
    ended_at: int | None
    ends_at: int | None
    failed_in_a_row: int
    failed: int
    last_failed_at: int | None
    last_failed_from: str
    shielded_at: int | None
    accepted: int
    uses: int
    last_used_at: int | None
    last_used_by: str
    last_used_device_id: Id | None
    derive_key_id: str
    derive_number: int

    @property
    def subjects(self) -> Subjects:
        """What an event about this passcode is about."""
        return Subjects(self.organization_id)

    @property
    def shielded(self) -> bool:
        """Whether nothing is compared before a mailbox was proved."""
        return self.state is PasscodeState.ACTIVE and self.shielded_at is not None

    def good(self, now: int) -> bool:
        """Whether it is one of those that count now, as far as it goes itself."""
        overlaps = self.state is PasscodeState.OVERLAPPING and (self.ends_at or 0) > now
        return self.state is PasscodeState.ACTIVE or overlaps


def standing(newest: Passcode | None) -> SelfService:
    """How self-service stands where this is the newest passcode."""
    if newest is None:
        return SelfService.NONE
    if newest.shielded:
        return SelfService.SHIELDED
    if newest.state is PasscodeState.ACTIVE:
        return SelfService.ACTIVE
    return SelfService.LOCKED if newest.state is PasscodeState.LOCKED else SelfService.DISABLED


@dataclass(frozen=True, slots=True)
class WrongSource:
    """Where wrong entries came from: an IPv4 address or an IPv6 /64."""

    source: str
    failed: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who may be meant by an e-mail address or user name."""

    user_id: Id
    username: str
    organization_id: Id
    organization_path: str
    email: str
    authorized: Sequence[Id]

    @property
    def enrolls_at(self) -> Id:
        """The organization that his devices go to where nobody says otherwise."""
        return self.authorized[0] if self.authorized else self.organization_id

    def may_have_at(self, path: str) -> bool:
        """Whether a device of his may be in the organization at `path`."""
        return stands_at(path, self.organization_path, self.authorized)
