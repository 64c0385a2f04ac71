"""The life of devices, enrollments and attempts: every state, and every move between them.

This table is the whole truth; the statements in `enlist.store` carry the same conditions
and a test compares the two. *Expired* is not a state: it is `expires_at <= now`, so a
token valid until T works a microsecond before T and never at T (A07). A secret has no
state of its own either: it is *live* while its generation is the enrollment's and the
enrollment is active, *replaced* once a newer generation exists, else *spent*.

*On hold* is what was active when the database turned out to be older than the world: after a
restore, or while leaked keys are replaced. Nobody knows what was used in between, so somebody
must look before it counts again (ruling 35, S26).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class DeviceState(StrEnum):
    """Where a device stands."""

    REGISTERED = "registered"
    ENROLLED = "enrolled"
    UNENROLLED = "unenrolled"
    BLOCKED = "blocked"


class EnrollmentState(StrEnum):
    """Where an enrollment stands, as it is stored."""

    ACTIVE = "active"
    ON_HOLD = "on_hold"
    USED = "used"
    REVOKED = "revoked"


class AttemptState(StrEnum):
    """Where one device's try stands."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


SUPERSEDED: Final = "superseded"
"""Why an enrollment was revoked whose device was reset: a newer one was made for the same person,
and whoever holds the old token is told so (S23)."""


@dataclass(frozen=True, slots=True)
class Move:
    """One way from a state to another, and what makes it."""

    origin: StrEnum
    goal: StrEnum
    trigger: str


MOVES: tuple[Move, ...] = (
    Move(DeviceState.REGISTERED, DeviceState.ENROLLED, "redeem"),
    Move(DeviceState.ENROLLED, DeviceState.UNENROLLED, "delete"),
    Move(DeviceState.ENROLLED, DeviceState.UNENROLLED, "retire"),
    Move(DeviceState.REGISTERED, DeviceState.UNENROLLED, "retire"),
    Move(DeviceState.ENROLLED, DeviceState.REGISTERED, "reset"),
    Move(DeviceState.UNENROLLED, DeviceState.REGISTERED, "reset"),
    Move(DeviceState.ENROLLED, DeviceState.REGISTERED, "reassign"),
    Move(DeviceState.UNENROLLED, DeviceState.REGISTERED, "reassign"),
    Move(EnrollmentState.ACTIVE, EnrollmentState.ACTIVE, "reissue"),
    Move(EnrollmentState.ACTIVE, EnrollmentState.USED, "redeem"),
    Move(EnrollmentState.ACTIVE, EnrollmentState.REVOKED, "revoke"),
    Move(EnrollmentState.ACTIVE, EnrollmentState.REVOKED, "delete"),
    Move(EnrollmentState.ACTIVE, EnrollmentState.REVOKED, "too_many_attempts"),
    Move(EnrollmentState.ACTIVE, EnrollmentState.ON_HOLD, "hold"),
    Move(EnrollmentState.ON_HOLD, EnrollmentState.ACTIVE, "reactivate"),
    Move(EnrollmentState.ON_HOLD, EnrollmentState.ACTIVE, "reissue"),
    Move(EnrollmentState.ON_HOLD, EnrollmentState.REVOKED, "revoke"),
    Move(EnrollmentState.ON_HOLD, EnrollmentState.REVOKED, "delete"),
    Move(AttemptState.OPEN, AttemptState.COMPLETED, "redeem"),
    Move(AttemptState.OPEN, AttemptState.CANCELLED, "cancel"),
)


ShownState = Literal["active", "on_hold", "used", "revoked", "expired"]
"""What people are told of an enrollment; *expired* is never stored."""


def shown_state(state: EnrollmentState, expires_at: int, now: int) -> ShownState:
    """The word people see: the stored state, but `expired` where the time is over (ruling 29)."""
    if state is EnrollmentState.ACTIVE and expires_at <= now:
        return "expired"
    return state.value


NOT_APPLICABLE: Final = "not_applicable"
"""Of a token where there is none: the device came by a sign-in."""

TokenStatus = Literal[
    "active", "in_progress", "used", "expired", "revoked", "on_hold", "not_applicable"
]
"""How a token stands, for whoever looks after many."""


def token_status(shown: ShownState, *, has_token: bool, in_progress: bool) -> TokenStatus:
    """The same as the state people see, but told apart where somebody is just using the token."""
    if not has_token:
        return "not_applicable"
    return "in_progress" if shown == "active" and in_progress else shown


def triggers(shown: ShownState) -> frozenset[str]:
    """What can move an enrollment that people see in this state."""
    stored = EnrollmentState.ACTIVE if shown == "expired" else EnrollmentState(shown)
    return frozenset(move.trigger for move in MOVES if move.origin is stored)
