"""Telling a syslog receiver of every event, in the order of the sealed log, at least once.

How far he was told is written down once it is as sure as syslog lets it be; of many processes, who
holds the claim tells him. A restart goes on from there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from enlist.core.caller import Caller
from enlist.core.outcomes import Done, Refusal
from enlist.store import feed, organizations, receivers
from enlist.store.feed import SealedEvent
from enlist.store.tx import Reader, Tx
from enlist.verbs.deliver import back_off
from enlist.verbs.driver import Answered, QuickVerb, Tools, Verb, View
from enlist.verbs.revocation_webhook import CLAIMED


@dataclass(frozen=True, slots=True)
class Standing:
    """How a receiver stands.

    Attributes:
        place: of the last event that he was told.
        held: the claim to tell him; 0 where somebody else has it, or it is not time yet.
        tries: how often he could not be told.
        end: of the log.
    """

    place: int
    held: int
    tries: int
    end: int

    @property
    def behind(self) -> int:
        """How many events he was not told of."""
        return self.end - self.place


def receiver_id(address: str) -> str:
    """What a receiver is known by: where he is, which is nobody's business in a table."""
    return f"syslog {hashlib.sha256(address.encode()).hexdigest()}"


def standing(tx: Reader, receiver: str) -> tuple[int, int]:
    """How many events he was not told of, and when the oldest of them was; 0 for none."""
    found, end = receivers.find(tx, receiver), feed.last(tx)
    place = int(found.cursor) if found.cursor else feed.BEFORE_ALL
    root = organizations.root(tx)
    if root is None or place >= end:
        return 0, 0
    first = feed.after(tx, place, root.path, 1).items
    return end - place, first[0].event.at if first else 0


@dataclass(frozen=True, slots=True)
class Further:
    """Events behind a place, up to which place was looked, and how far the log goes."""

    items: tuple[SealedEvent, ...]
    last: int
    end: int


@dataclass(frozen=True)
class ClaimSyslog(Verb[Standing, Standing, Standing]):
    """Be the one who tells a receiver, where there is something to tell.

    Who is new hears from the log's beginning.
    """

    receiver: str

    name = "claim_syslog"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Standing | Refusal:
        found, end = receivers.find(tx, self.receiver), feed.last(tx)
        place = int(found.cursor) if found.cursor else feed.BEFORE_ALL
        free = place != end and max(found.next_try_at, found.claimed_until) <= tx.now
        return Standing(place, tx.now + CLAIMED if free else 0, found.tries, end)

    def work(
        self, tools: Tools, caller: Caller, seen: Standing
    ) -> Standing | Answered[Standing] | Refusal:
        return seen if seen.held else Answered(Done(seen))

    def apply(self, tx: Tx, caller: Caller, ready: Standing) -> Done[Standing] | Refusal:
        won = receivers.claim(tx, self.receiver, _cursor(ready.place), ready.held)
        return Done(ready if won else replace(ready, held=0))


@dataclass(frozen=True)
class NoteLogged(QuickVerb[None, int]):
    """A receiver was told up to a place; answers the claim from now on, 0 where it is lost."""

    receiver: str
    place: int
    held: int

    name = "note_logged"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Refusal | None:
        return None

    def apply(self, tx: Tx, caller: Caller, ready: None) -> Done[int] | Refusal:
        until = max(tx.now + CLAIMED, self.held + 1)
        told = receivers.told(tx, self.receiver, _cursor(self.place), self.held, until)
        return Done(until if told else 0)


@dataclass(frozen=True)
class LetGoOfSyslog(QuickVerb[None, None]):
    """Give the claim back, for a growing while where the receiver could not be told."""

    receiver: str
    held: int
    tries: int

    name = "let_go_of_syslog"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Refusal | None:
        return None

    def apply(self, tx: Tx, caller: Caller, ready: None) -> Done[None] | Refusal:
        later = tx.now + back_off(self.tries) if self.tries else 0
        receivers.let_go(tx, self.receiver, self.held, self.tries, later)
        return Done(None)


@dataclass(frozen=True)
class FurtherEvents(View[Further]):
    """What a receiver is to be told next, of the whole installation."""

    after: int
    limit: int = 200

    def read(self, tx: Reader, caller: Caller) -> Further | Refusal:
        root = organizations.root(tx)
        if root is None:
            return Further((), self.after, self.after)
        found = feed.after(tx, self.after, root.path, self.limit)
        return Further(found.items, found.last, feed.last(tx))


def _cursor(place: int) -> str:
    return "" if place == feed.BEFORE_ALL else str(place)
