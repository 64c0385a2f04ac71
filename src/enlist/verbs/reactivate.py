"""Reactivate: what was put on hold, after a restore, counts again (ruling 35).

Whoever frees an enrollment says that nobody used it between the backup and the loss; Enlist
cannot know.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import NOTHING, Id
from enlist.core.lifecycle import EnrollmentState
from enlist.core.model import Enrollment
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Permission
from enlist.store import enrollments, events, expiries, holds, leaked_keys
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools, View
from enlist.verbs.finding import beyond, enrolled_since, enrollment_named
from enlist.verbs.rights import host_alone


@dataclass(frozen=True)
class Reactivate(QuickVerb[Enrollment, None]):
    """Free an enrollment that is on hold; its token works again until it expires.

    Refusals: `conflict` for what is not on hold, `key_leaked` where somebody else can make its
    token, `enrollment_exists`, `device_enrolled`.
    """

    enrollment_id: str

    name = "reactivate"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Enrollment | Refusal:
        found = enrollment_named(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_REISSUE)
        if isinstance(found, Refusal):
            return found
        refusal = beyond(tx, caller, found.user_id, found.subjects)
        if refusal is not None:
            return refusal
        if found.state is not EnrollmentState.ON_HOLD:
            return Refusal("conflict", detail="It is not on hold.", about=found.subjects)
        return _leaked(tx, found) or enrolled_since(tx, found) or found

    def apply(self, tx: Tx, caller: Caller, ready: Enrollment) -> Done[None] | Refusal:
        if not holds.reactivate(tx, ready.id):
            present = enrollments.find(tx, ready.id)
            if present is None or present.state is not EnrollmentState.ON_HOLD:
                raise ConcurrentChange
            refusal = _leaked(tx, ready) or enrolled_since(tx, ready)
            return refusal or Refusal("enrollment_exists", about=ready.subjects)
        personal = {"device": ready.device_name, "user": ready.username}
        happening = Happening("enrollment.reactivated", ready.subjects, {}, personal)
        events.record(tx, caller, happening)
        if expiries.passed(tx, ready.id, ready.expires_at):
            # It ran out while it was on hold, when nobody was told of it.
            data = {"generation": ready.generation, "expires_at": ready.expires_at}
            happening = Happening("enrollment.expired", ready.subjects, data, personal)
            events.record(tx, caller, happening)
        return Done(None)

    def clash(self, index: str) -> Refusal | None:
        return Refusal("enrollment_exists")


def _leaked(tx: Reader, found: Enrollment) -> Refusal | None:
    if leaked_keys.makes_token(tx, found.id):
        return Refusal("key_leaked", about=found.subjects)
    return None


@dataclass(frozen=True)
class ListHeld(View[tuple[Id, ...]]):
    """Ids of what is on hold in the whole installation, a page at a time; for the host alone."""

    after: Id = NOTHING
    limit: int = 500

    def read(self, tx: Reader, caller: Caller) -> tuple[Id, ...] | Refusal:
        return host_alone(caller) or tuple(holds.held(tx, self.after, self.limit))
