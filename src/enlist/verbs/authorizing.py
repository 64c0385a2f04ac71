"""Where somebody may enroll: the organizations that he is authorized for, the default first (A49).

Without any it is his own and all below it. With some it is each of these and what is below it; what
stands elsewhere by then stays there. Where nobody says otherwise his devices go to the first one,
also when he signs in with the Group ID of his own organization.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.model import Organization, User
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.store import events, organizations, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.finding import organization_named
from enlist.verbs.users import editable_user

MOST: Final = 50
"""Organizations of one user."""


def authorized_at(
    tx: Reader, caller: Caller, home: str, named: Sequence[str]
) -> tuple[Organization, ...] | Refusal:
    """The organizations that a user of the one at `home` shall be authorized for, each once."""
    if len(named) > MOST:
        return invalid("organizations", f"must be {MOST} at most")
    found: dict[Id, Organization] = {}
    for each in named:
        place = organization_named(tx, caller, each)
        if isinstance(place, Refusal):
            return invalid("organizations", f"there is no organization with the Group ID {each}")
        if not place.path.startswith(home):
            told = f"must be the user's organization or below it, which {place.group_id} is not"
            return invalid("organizations", told)
        found[place.id] = place
    return tuple(found.values())


def places_of(tx: Reader, user: User) -> tuple[Organization, ...]:
    """The organizations that a user is authorized for, the default first."""
    found = (organizations.find(tx, each) for each in user.authorized)
    return tuple(each for each in found if each is not None)


@dataclass(frozen=True, slots=True)
class Authorizing:
    """Who may enroll where, before and after."""

    user: User
    before: tuple[Organization, ...]
    after: tuple[Organization, ...]


@dataclass(frozen=True)
class Authorize(QuickVerb[Authorizing, User]):
    """Say at which organizations a user may enroll.

    Attributes:
        user: id or user name.
        organizations: ids or Group IDs, the default first; () for his own and all below.

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    user: str
    organizations: tuple[str, ...]

    name = "authorize"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Authorizing | Refusal:
        user = editable_user(tx, caller, self.user)
        if isinstance(user, Refusal):
            return user
        after = authorized_at(tx, caller, user.organization_path, self.organizations)
        if isinstance(after, Refusal):
            return replace(after, about=user.subjects)
        return Authorizing(user, places_of(tx, user), after)

    def apply(self, tx: Tx, caller: Caller, ready: Authorizing) -> Done[User]:
        user, wanted = ready.user, tuple(each.id for each in ready.after)
        if wanted == user.authorized:
            return Done(user)
        if not users.authorize(tx, user.id, user.version, wanted):
            raise ConcurrentChange
        if not all(organizations.keep(tx, each) for each in sorted(wanted)):
            raise ConcurrentChange  # one of them was deleted meanwhile
        data = {
            "before.authorized": _told(ready.before),
            "after.authorized": _told(ready.after),
        }
        personal = {"user": user.username}
        events.record(tx, caller, Happening("user.authorized", user.subjects, data, personal))
        return Done(replace(user, authorized=wanted, version=user.version + 1))


def _told(places: Iterable[Organization]) -> str:
    return " & ".join(each.group_id for each in places)
