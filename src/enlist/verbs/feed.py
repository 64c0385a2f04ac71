"""The event feed: the log as a program takes it elsewhere, in order, and nothing left out.

A reader says how far he has read by the id of the last event that was looked through for him,
which may be one that he was not told of. Where the database does not know it, because it was
restored from a backup or a standby took over that had not heard of it, the feed begins anew:
nothing is left out, and to be told twice does no harm, as events have ids.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from enlist.core.caller import Caller
from enlist.core.events import KINDS
from enlist.core.ids import Id, parse_id
from enlist.core.outcomes import Refusal, invalid
from enlist.core.policy import Permission
from enlist.store import feed
from enlist.store.feed import SealedEvent
from enlist.store.listing import Page
from enlist.store.tx import Reader
from enlist.verbs.driver import View
from enlist.verbs.views import scope, veiled


@dataclass(frozen=True, slots=True)
class ReadOn:
    """Some events in order, where to go on, and whether there is more already."""

    items: tuple[SealedEvent, ...]
    cursor: Id
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
        cursor = parse_id(self.after)
        if self.after and cursor is None:
            return invalid("after", "must be a cursor, or the id of an event")
        if self.kind and self.kind not in KINDS:
            return invalid("kind", "is no kind of event; see the reference for their names")
        place = feed.place(tx, cursor) if cursor else None
        if cursor and place is None and feed.exists(tx, cursor):
            # From the list, where it stood before it was sealed: what comes behind it is to come.
            return ReadOn((), cursor, more=False)
        seq = feed.BEFORE_ALL if place is None else place
        found = self._looked_through(tx, caller, path, seq)
        return ReadOn(found.items, feed.event_at(tx, found.last) or "", found.more)

    def _looked_through(self, tx: Reader, caller: Caller, path: str, place: int) -> feed.Stretch:
        kinds = (self.kind,) if self.kind else ()
        staff = caller.may(Permission.STAFF_READ, path)
        found = feed.after(tx, place, path, self.limit, kinds=kinds, staff=staff)
        told = veiled(tx, caller, path, Page(tuple(each.event for each in found.items)))
        items = zip(found.items, told.items, strict=True)
        return replace(found, items=tuple(replace(each, event=row) for each, row in items))
