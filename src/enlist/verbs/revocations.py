"""The revocation feed: what gateways and VPNs read to learn which certificates count no more.

A reader says up to where he has read, by the cursor that came with the last revocation. The cursor
names that revocation. Where the database does not know it, because it was restored from a backup or
a standby took over that had not heard of it, the feed begins anew: nothing is left out, and to be
told twice does no harm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.store import revocations
from enlist.store.revocations import MOST_AT_ONCE, Revocation
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import Answered, Tools, Verb, View
from enlist.verbs.views import scope

_NAMED: Final = 16
"""So many digits of the fingerprint tell that it is the same revocation."""
_CURSOR: Final = re.compile(rf"([0-9]{{1,18}})-([0-9a-f]{{{_NAMED}}})", re.ASCII)


def cursor_of(revocation: Revocation) -> str:
    """Where a reader goes on who has read this one."""
    return f"{revocation.number}-{revocation.fingerprint[:_NAMED]}"


def place_of(tx: Reader, cursor: str) -> int | None:
    """The number behind which a reader goes on; None for what is no cursor."""
    named = _CURSOR.fullmatch(cursor)
    if named is None:
        return None if cursor else 0
    place = int(named[1])
    return place if revocations.known(tx, place, named[2]) else 0


@dataclass(frozen=True, slots=True)
class Read:
    """Some revocations in order, where to go on, and whether there is more already."""

    items: tuple[Revocation, ...]
    cursor: str
    more: bool


@dataclass(frozen=True)
class TakeUpRevocations(Verb[bool, bool, bool]):
    """Put what was revoked since into the feed; True where there is more than goes at once."""

    name = "take_up_revocations"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> bool | Refusal:
        return revocations.unnumbered(tx)

    def work(self, tools: Tools, caller: Caller, seen: bool) -> bool | Answered[bool] | Refusal:
        return seen or Answered(Done(False))

    def apply(self, tx: Tx, caller: Caller, ready: bool) -> Done[bool] | Refusal:
        return Done(revocations.number(tx) == MOST_AT_ONCE)


@dataclass(frozen=True)
class ReadRevocations(View[Read]):
    """Revocations behind a cursor, oldest first; "" for all whose certificates have not run out.

    Attributes:
        organization: whose, and of which below; as for lists.
        limit: how many at most.

    Refusals: `not_found`, `forbidden`, `validation_failed` for what is no cursor.
    """

    after: str = ""
    organization: str = ""
    limit: int = 100

    def read(self, tx: Reader, caller: Caller) -> Read | Refusal:
        path = scope(tx, caller, self.organization, Permission.REVOCATIONS_READ)
        if isinstance(path, Refusal):
            return path
        place = place_of(tx, self.after)
        if place is None:
            return invalid("after", "must be a cursor that came with a revocation")
        found = revocations.after(tx, place, path, self.limit + 1)
        items = tuple(found[: self.limit])
        cursor = cursor_of(items[-1]) if items else self.after
        return Read(items, cursor, more=len(found) > self.limit)
