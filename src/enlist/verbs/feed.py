"""The event feed: the log as a program takes it elsewhere, in order, and nothing left out.

A reader says how far he has read by a cursor, which names the last event that was looked through
for him. Where the database does not know it, because it was restored from a backup or a standby
took over that had not heard of it, the feed begins anew: nothing is left out, and to be told twice
does no harm, as events have ids. He may also begin behind an event that he sees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import KINDS
from enlist.core.ids import parse_id
from enlist.core.outcomes import Refusal, invalid
from enlist.core.permissions import Permission
from enlist.store import feed
from enlist.store.feed import SealedEvent
from enlist.store.listing import Page
from enlist.store.tx import Reader
from enlist.verbs.driver import View
from enlist.verbs.views import scope, veiled

_NAMED: Final = 16
"""So many digits of what is sealed tell that it is the same event."""
_CURSOR: Final = re.compile(rf"([0-9]{{1,18}})-([0-9a-f]{{{_NAMED}}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReadOn:
    """Some events in order, where to go on, and whether there is more already."""

    items: tuple[SealedEvent, ...]
    cursor: str
    more: bool


@dataclass(frozen=True)
class ReadEvents(View[ReadOn]):
    """Events behind a cursor, oldest first; "" for all there are.

    Attributes:
        organization: whose, and of which below; as for lists.
        kind: only this kind; "" for all.
        limit: how many at most.

    Refusals: `not_found`, `forbidden`, `validation_failed` for what is no cursor or no kind.
    """

    after: str = ""
    organization: str = ""
    kind: str = ""
    limit: int = 100

    def read(self, tx: Reader, caller: Caller) -> ReadOn | Refusal:
        path = scope(tx, caller, self.organization, Permission.EVENTS_READ)
        if isinstance(path, Refusal):
            return path
        if self.kind and self.kind not in KINDS:
            return invalid("kind", "is no kind of event; see the reference for their names")
        named, event_id = _CURSOR.fullmatch(self.after), parse_id(self.after)
        if self.after and named is None and event_id is None:
            return invalid("after", "must be a cursor, or the id of an event")
        seq = _known(tx, named) if named else feed.BEFORE_ALL
        if event_id and (feed.path_of(tx, event_id) or "").startswith(path):
            place = feed.place(tx, event_id)
            if place is None:
                # As the list shows it before it is sealed: what comes behind it is to come.
                return ReadOn((), self.after, more=False)
            seq = place
        found = self._looked_through(tx, caller, path, seq)
        leaf = feed.leaf(tx, found.last)
        cursor = f"{found.last}-{leaf.hex()[:_NAMED]}" if leaf else ""
        return ReadOn(found.items, cursor, found.more)

    def _looked_through(self, tx: Reader, caller: Caller, path: str, place: int) -> feed.Stretch:
        kinds = (self.kind,) if self.kind else ()
        staff = caller.may(Permission.STAFF_READ, path)
        found = feed.after(tx, place, path, self.limit, kinds=kinds, staff=staff)
        told = veiled(tx, caller, path, Page(tuple(each.event for each in found.items)))
        items = zip(found.items, told.items, strict=True)
        return replace(found, items=tuple(replace(each, event=row) for each, row in items))


def _known(tx: Reader, named: re.Match[str]) -> int:
    seq = int(named[1])
    leaf = feed.leaf(tx, seq)
    return seq if leaf is not None and leaf.hex().startswith(named[2]) else feed.BEFORE_ALL
