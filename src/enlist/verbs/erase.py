"""Erasing a person: all that names him goes, and the log stays whole (S74).

Whatever lets him in ends first, as in an offboarding. Then his name, addresses and numbers go from
every table, and from the personal half of the events; their sealed half holds only ids and digests
whose salts go as well, so that the log verifies as before and tells nothing of him.

What is kept: the events themselves, with the id that he had; serial numbers of his certificates,
which the revocation list needs; and devices of the company, without owner and name. What is not in
the database cannot be reached from here: backups, files that were taken away, and what was told to
others. `docs/how-to/people-who-leave.md` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import MINUTE
from enlist.core.events import Happening
from enlist.core.ids import Id, least_id, parse_id
from enlist.core.outcomes import Done, Drop, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.store import erasing, events, roles, second_factors, users
from enlist.store.erasing import Needle
from enlist.store.tx import Reader, Tx
from enlist.verbs.consequences import Foreseen, bind, outdated
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.fields import readable
from enlist.verbs.finding import beyond, user_named
from enlist.verbs.offboard import Departure, Leaving, foresee, leave
from enlist.verbs.rights import lacks
from enlist.verbs.users import last_administrator

_FORGOTTEN: Final = "somebody in it was erased"


@dataclass(frozen=True, slots=True)
class Erasing:
    """Who is erased, and what was found of him.

    Attributes:
        departure: what ends with it; None for somebody who was deleted before.
        needles: what he was known by.
        named_in: events that name him, but are not about him.
    """

    user_id: Id
    username: str
    about: Subjects
    departure: Departure | None
    needles: tuple[Needle, ...]
    named_in: tuple[Id, ...]
    seen_at: int

    @property
    def foreseen(self) -> Foreseen:
        """What ends, with what binds a confirmation to it."""
        if self.departure is not None:
            return self.departure.foreseen
        return bind("erase", (self.user_id,), Leaving(), self.seen_at)


@dataclass(frozen=True, slots=True)
class Erased:
    """What came of it.

    Attributes:
        events: how many events tell nothing of him any more.
        messages, devices: of how many of these it was taken.
    """

    user_id: Id
    foreseen: Foreseen
    events: int
    messages: int
    devices: int


@dataclass(frozen=True)
class Erase(QuickVerb[Erasing, Erased]):
    """Forget a person for good. It cannot be undone.

    Attributes:
        user: id or user name, also of somebody who was deleted.
        confirm: his user name, typed once more.
        preview: what was shown by a dry run; another situation is refused.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `preview_outdated`,
    `last_administrator`, `conflict` for oneself.
    """

    user: str
    confirm: str = ""
    preview: str = ""

    name = "erase"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Erasing | Refusal:
        found = self._living(tx, caller)
        if isinstance(found, Refusal) and found.code == "not_found":
            found = self._buried(tx, caller) or found
        if isinstance(found, Refusal):
            return found
        if found.user_id == caller.id:
            detail = "Nobody erases himself. Ask another administrator."
            return Refusal("conflict", detail=detail, about=found.about)
        if roles.only_administrator(tx, found.user_id):
            return Refusal("last_administrator", about=found.about)
        refusal = outdated(self.preview, found.foreseen, found.about)
        if refusal is not None:
            return refusal
        needles = erasing.known_by(tx, found.user_id)
        named = tuple(erasing.naming(tx, found.user_id, needles))
        return replace(found, needles=needles, named_in=named)

    def _living(self, tx: Reader, caller: Caller) -> Erasing | Refusal:
        user = user_named(tx, caller, self.user, Permission.USERS_ERASE)
        if isinstance(user, Refusal):
            return user
        refusal = beyond(tx, caller, user.id, user.subjects)
        if refusal is not None:
            return refusal
        departure = Departure(user, foresee(tx, user))
        return Erasing(user.id, user.username, user.subjects, departure, (), (), tx.now)

    def _buried(self, tx: Reader, caller: Caller) -> Erasing | Refusal | None:
        if not readable(self.user):
            return None
        found = erasing.buried(tx, parse_id(self.user), self.user)
        if found is None:
            return None
        about = Subjects(found.organization_id, found.id)
        refusal = lacks(caller, Permission.USERS_ERASE, found.organization_path, about)
        refusal = refusal or beyond(tx, caller, found.id, about)
        return refusal or Erasing(found.id, found.username, about, None, (), (), tx.now)

    def foreseen(self, ready: Erasing) -> Foreseen:
        """What a dry run answers."""
        return ready.foreseen

    def apply(self, tx: Tx, caller: Caller, ready: Erasing) -> Done[Erased] | Refusal:
        if self.confirm.strip().casefold() != ready.username.casefold():
            told = "type the user name, to confirm that this person is meant"
            return replace(invalid("confirm", told), about=ready.about)
        if last_administrator(tx, ready.user_id):
            return Refusal("last_administrator", about=ready.about)
        dropped: tuple[Drop, ...] = ()
        if ready.departure is not None:
            dropped = leave(tx, caller, ready.departure)
            users.delete(tx, ready.user_id)
        second_factors.remove(tx, ready.user_id)
        newer = least_id(ready.seen_at - MINUTE)
        named = {*ready.named_in, *erasing.naming(tx, ready.user_id, ready.needles, newer)}
        forgotten = erasing.forget_events(tx, ready.user_id, named)
        imports = erasing.forget_imports(tx, ready.needles, _FORGOTTEN)
        touched = erasing.forget_person(tx, ready.user_id, ready.username)
        data: dict[str, str | int] = {
            "events": forgotten,
            "messages": touched["messages"],
            "devices": touched["devices"],
            "imports_stopped": imports,
        }
        events.record(tx, caller, Happening("user.erased", ready.about, data))
        erased = Erased(
            ready.user_id, ready.foreseen, forgotten, touched["messages"], touched["devices"]
        )
        return Done(erased, dropped)
