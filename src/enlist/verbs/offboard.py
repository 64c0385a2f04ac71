"""Offboarding: somebody leaves, and all that let him or his devices in ends, at once.

His account stays, disabled and without a password or a role, until it is deleted or erased. What
ends is shown first, and whoever confirms it confirms that and nothing else (`consequences`). It can
be planned for a time: then a row waits, which Enlist itself takes up when the time has come
(`CarryOut`), and what ends is what there is by then.

The rows are locked as a redemption locks them, enrollments before credentials: of an offboarding
and a redemption at the same moment, one comes first, and nothing is left that lets him in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from enlist.core.access import ApiKey, RoleAssignment
from enlist.core.caller import SYSTEM, Caller
from enlist.core.events import Happening
from enlist.core.model import User, UserState
from enlist.core.outcomes import Done, Drop, Refusal, Subjects, invalid
from enlist.store import (
    api_keys,
    credentials,
    device_moves,
    device_sessions,
    enrollments,
    events,
    logins,
    offboardings,
    outbox,
    password_links,
    roles,
    sign_ins,
    users,
)
from enlist.store.offboardings import Planned
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.consequences import Consequences, Foreseen, bind, network, outdated
from enlist.verbs.device_sessions import LEASE
from enlist.verbs.driver import QuickVerb, Tools, View
from enlist.verbs.rights import missing
from enlist.verbs.sign_in import IDLE
from enlist.verbs.users import editable_user, last_administrator

OFFBOARDED: Final = "offboarded"
"""Why what was his was revoked."""

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Leaving(Consequences):
    """What ends when somebody leaves.

    Attributes:
        messages: how many messages to him are not sent any more.
        api_keys: those that he made and that work yet.
        roles: those that he holds.
    """

    messages: int = 0
    api_keys: tuple[ApiKey, ...] = ()
    roles: tuple[RoleAssignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Departure:
    """Who leaves, and what ends with that.

    Attributes:
        at: when; None for now.
    """

    user: User
    foreseen: Foreseen
    at: int | None = None

    @property
    def leaving(self) -> Leaving:
        """What ends, all of it."""
        return leaving_of(self.foreseen)


def leaving_of(foreseen: Foreseen) -> Leaving:
    """What a dry run of an offboarding found."""
    found = foreseen.consequences
    assert isinstance(found, Leaving)
    return found


def foresee(tx: Reader, user: User) -> Foreseen:
    """What would end now, bound to the user as he stands."""
    live = device_sessions.of_user(tx, user.id, tx.now - LEASE)
    found = Leaving(
        tuple(credentials.living_of_user(tx, user.id)),
        tuple(enrollments.live_of_user(tx, user.id)),
        len(live),
        tuple(sorted({network(each.address) for each in live} - {""})),
        len(sign_ins.of_user(tx, user.id, tx.now - IDLE)),
        outbox.waiting_of_user(tx, user.id),
        tuple(api_keys.live_of_maker(tx, user.id)),
        tuple(roles.of_user(tx, user.id)),
    )
    about = (
        user.id,
        user.state.value,
        str(found.messages),
        *(each.id for each in found.api_keys),
        *(f"{each.organization_id} {each.role}" for each in found.roles),
    )
    return bind("offboard", about, found, tx.now)


@dataclass(frozen=True)
class Offboard(QuickVerb[Departure, Departure]):
    """End all that lets a user and his devices in, now or at a given time.

    Attributes:
        user: id or user name.
        at: when; None for now. Asked again, it is put off or brought forward.
        preview: what was shown by a dry run; another situation is refused.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `preview_outdated`,
    `last_administrator`.
    """

    user: str
    at: int | None = None
    preview: str = ""

    name = "offboard"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Departure | Refusal:
        user = editable_user(tx, caller, self.user)
        if isinstance(user, Refusal):
            return user
        if self.at is not None and self.at <= tx.now:
            return replace(invalid("at", "must be in the future"), about=user.subjects)
        if roles.only_administrator(tx, user.id):
            return Refusal("last_administrator", about=user.subjects)
        foreseen = foresee(tx, user)
        refusal = outdated(self.preview, foreseen, user.subjects)
        return refusal or Departure(user, foreseen, self.at)

    def foreseen(self, ready: Departure) -> Foreseen:
        """What a dry run answers."""
        return ready.foreseen

    def apply(self, tx: Tx, caller: Caller, ready: Departure) -> Done[Departure] | Refusal:
        user = ready.user
        if last_administrator(tx, user.id):
            return Refusal("last_administrator", about=user.subjects)
        if ready.at is None:
            return Done(ready, leave(tx, caller, ready))
        if not users.hold(tx, user.id):
            raise ConcurrentChange
        offboardings.put(tx, user.id, ready.at)
        happening = _happening("user.offboarding_planned", user, {"due_at": ready.at})
        events.record(tx, caller, happening)
        return Done(ready)


def leave(tx: Tx, caller: Caller, departure: Departure) -> tuple[Drop, ...]:
    """End what was foreseen, all of it and nothing else.

    Raises:
        ConcurrentChange: something else is there by now.
    """
    user, ending = departure.user, departure.leaving
    now = users.find(tx, user.id) if users.hold(tx, user.id) else None
    if now is None or foresee(tx, now).preview != departure.foreseen.preview:
        raise ConcurrentChange
    users.set_state(tx, user.id, UserState.DISABLED)
    logins.end_password(tx, user.id)
    password_links.end(tx, user.id)
    if enrollments.revoke_of_user(tx, user.id, OFFBOARDED) != len(ending.enrollments):
        raise ConcurrentChange
    dropped = device_moves.unenroll_of_user(tx, user.id)
    if credentials.revoke_of_user(tx, user.id, OFFBOARDED) != len(ending.credentials):
        raise ConcurrentChange
    messages = outbox.cancel_of_user(tx, user.id, "the user was offboarded")
    events.record_each(tx, [(caller, each) for each in _end_parts(tx, user, ending)])
    data: dict[str, str | int] = {
        "sign_ins_ended": sign_ins.end_all(tx, user.id),
        "enrollments_revoked": len(ending.enrollments),
        "credentials_revoked": len(ending.credentials),
        "serials": ", ".join(each.serial for each in ending.credentials),
        "sessions": ending.sessions,
        "messages_cancelled": messages,
        "api_keys_revoked": len(ending.api_keys),
        "roles_withdrawn": len(ending.roles),
    }
    offboardings.drop(tx, user.id)
    events.record(tx, caller, _happening("user.offboarded", user, data))
    gone = {*dropped, *(each.device_id for each in ending.credentials)}
    return tuple(Drop(each) for each in sorted(gone))


def _end_parts(tx: Tx, user: User, ending: Leaving) -> list[Happening]:
    """End keys and roles; what ended, as events for whoever looks at the thing itself."""
    told = []
    for each in ending.enrollments:
        personal = {"device": each.device_name, "user": each.username}
        told.append(
            Happening("enrollment.revoked", each.subjects, {"reason": OFFBOARDED}, personal)
        )
    for key in ending.api_keys:
        if not api_keys.revoke(tx, key.id):
            raise ConcurrentChange
        data = {"key": key.id, "name": key.name, "reason": OFFBOARDED}
        told.append(Happening("api_key.revoked", Subjects(key.organization_id), data))
    for held in ending.roles:
        if not roles.withdraw(tx, user.id, held.organization_id, held.role):
            raise ConcurrentChange
        data = {**held.told, "on": held.organization_id, "group_id": held.group_id}
        told.append(Happening("role.revoked", user.subjects, data, {"user": user.username}))
    return told


@dataclass(frozen=True)
class CancelOffboarding(QuickVerb[User, None]):
    """Take back what was planned; nothing has happened yet.

    Refusals: `not_found`, also where nothing is planned; `forbidden`.
    """

    user: str

    name = "cancel_offboarding"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> User | Refusal:
        return editable_user(tx, caller, self.user)

    def apply(self, tx: Tx, caller: Caller, ready: User) -> Done[None] | Refusal:
        if not offboardings.drop(tx, ready.id):
            return missing("planned offboarding", ready.subjects)
        events.record(tx, caller, _happening("user.offboarding_cancelled", ready, {}))
        return Done(None)


@dataclass(frozen=True)
class DueOffboardings(View[tuple[Planned, ...]]):
    """What is to be carried out now."""

    def read(self, tx: Reader, caller: Caller) -> tuple[Planned, ...] | Refusal:
        return tuple(offboardings.due(tx, _AT_ONCE))


@dataclass(frozen=True)
class CarryOut(QuickVerb[Departure | None, bool]):
    """Carry out what was planned, once: answers whether this was it. Enlist itself runs it.

    Nobody is there to be refused: where it would take the last administrator, that is written down
    once and shown on his page, and it is tried again until there is another one.
    """

    planned: Planned

    name = "carry_out_offboarding"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Departure | Refusal | None:
        user = users.find(tx, self.planned.user_id)
        return None if user is None else Departure(user, foresee(tx, user))

    def apply(self, tx: Tx, caller: Caller, ready: Departure | None) -> Done[bool] | Refusal:
        planned = self.planned
        if ready is None:
            offboardings.drop(tx, planned.user_id)
            return Done(False)
        if last_administrator(tx, planned.user_id):
            why = "last_administrator"
            if offboardings.held_up(tx, planned.user_id, planned.due_at, why):
                told: dict[str, str | int] = {"reason": why, "due_at": planned.due_at}
                happening = _happening("user.offboarding_held_up", ready.user, told)
                events.record(tx, SYSTEM, happening)
            return Done(False)
        if not offboardings.take(tx, planned.user_id, planned.due_at):
            return Done(False)
        return Done(True, leave(tx, caller, ready))


def _happening(kind: str, user: User, data: dict[str, str | int]) -> Happening:
    return Happening(kind, user.subjects, data, {"user": user.username})
