"""What became of an attempt that somebody has begun, for the page that waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.judgement import judge
from enlist.core.lifecycle import AttemptState
from enlist.core.model import Attempt, Enrollment
from enlist.core.outcomes import Refusal
from enlist.store import attempts, enrollments, sightings
from enlist.store.tx import Reader
from enlist.verbs.driver import View
from enlist.verbs.landing import LookAround, Surroundings
from enlist.verbs.rights import missing


class Stage(StrEnum):
    """How far an attempt has come."""

    WAITING = "waiting"
    JOINED = "joined"
    OVER = "over"
    """Its code leads nowhere any more, and no device came."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How an attempt stands.

    Attributes:
        device: name of the device that joined; "" before.
        joined_at: when it did, microseconds UTC.
        expires_at: until when the attempt's code is good, microseconds UTC.
    """

    stage: Stage
    expires_at: int
    around: Surroundings
    device: str = ""
    joined_at: int | None = None


@dataclass(frozen=True)
class FollowAttempt(View[Progress]):
    """How an attempt stands; for whoever has begun it, which the adapter must have seen proved.

    It counts as joined as well where the device came by the token, or by another attempt that
    went on from this one's code on another screen: whoever waits wants to know about the device.

    Refusals: `not_found`, also for one that was swept.
    """

    attempt_id: Id

    def read(self, tx: Reader, caller: Caller) -> Progress | Refusal:
        attempt = attempts.find(tx, self.attempt_id)
        if attempt is None:
            return missing("attempt")
        found = enrollments.find(tx, attempt.enrollment_id) if attempt.enrollment_id else None
        user_id = attempt.user_id or (found.user_id if found else None)
        around = LookAround(attempt.organization_id, user_id=user_id).read(tx, caller)
        if found is not None and _joined(attempt, found):
            joined, at = Stage.JOINED, found.used_at
            return Progress(joined, attempt.expires_at, around, found.device_name, at)
        stage = Stage.WAITING if _waits(tx, attempt) else Stage.OVER
        return Progress(stage, attempt.expires_at, around)


def _joined(attempt: Attempt, found: Enrollment) -> bool:
    if attempt.state is AttemptState.COMPLETED:
        return True
    return found.used_at is not None and found.used_at >= attempt.started_at


def _waits(tx: Reader, attempt: Attempt) -> bool:
    """Whether whoever comes with its code would be let in."""
    if attempt.state is not AttemptState.OPEN or attempt.expires_at <= tx.now:
        return False
    if attempt.enrollment_id is None:
        return True  # begun by a sign-in: the enrollment is made when the device comes
    sighting = sightings.by_id(tx, attempt.enrollment_id, attempt.generation)
    return sighting is not None and judge(sighting, tx.now) is None
