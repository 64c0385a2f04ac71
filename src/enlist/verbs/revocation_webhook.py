"""Telling the receiver of the revocation webhook of every revocation, in order, at least once.

What he has taken is written down after each. Who tells him holds a claim meanwhile, so that of many
processes one does; a claim that ran out, because its process died or was held up, is somebody
else's, and he may be told something twice, under the same id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import SECOND
from enlist.core.outcomes import Done, Refusal
from enlist.store import organizations, receivers, revocations
from enlist.store.revocations import Revocation
from enlist.store.tx import Reader, Tx
from enlist.verbs.deliver import back_off
from enlist.verbs.driver import Answered, QuickVerb, Tools, Verb
from enlist.verbs.revocations import place_of

CLAIMED: Final = 30 * SECOND
"""How long a receiver is somebody's to tell; longer than telling him may take."""
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Due:
    """What a receiver is to be told now, and the claim to do so."""

    items: tuple[Revocation, ...]
    cursor: str
    held: int = 0


@dataclass(frozen=True)
class ClaimWebhook(Verb[Due | None, Due, Due | None]):
    """What a receiver is to be told now by whoever asks; None for nothing, or not now."""

    receiver: str

    name = "claim_webhook"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Due | Refusal | None:
        found = receivers.find(tx, self.receiver)
        if max(found.next_try_at, found.claimed_until) > tx.now:
            return None
        root = organizations.root(tx)
        if root is None:
            return None
        items = revocations.after(tx, place_of(tx, found.cursor) or 0, root.path, _AT_ONCE)
        return Due(tuple(items), found.cursor) if items else None

    def work(
        self, tools: Tools, caller: Caller, seen: Due | None
    ) -> Due | Answered[Due | None] | Refusal:
        return seen or Answered(Done(None))

    def apply(self, tx: Tx, caller: Caller, ready: Due) -> Done[Due | None] | Refusal:
        until = tx.now + CLAIMED
        won = receivers.claim(tx, self.receiver, ready.cursor, until)
        return Done(Due(ready.items, ready.cursor, until) if won else None)


@dataclass(frozen=True)
class NoteTold(QuickVerb[None, int]):
    """A receiver has taken what ends at this cursor; answers the claim as it is from now on.

    0 where it is lost.
    """

    receiver: str
    cursor: str
    held: int

    name = "note_told"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Refusal | None:
        return None

    def apply(self, tx: Tx, caller: Caller, ready: None) -> Done[int] | Refusal:
        until = max(tx.now + CLAIMED, self.held + 1)
        return Done(
            until if receivers.told(tx, self.receiver, self.cursor, self.held, until) else 0
        )


@dataclass(frozen=True)
class LetGo(QuickVerb[int, None]):
    """Give a claim back: at once, or, where the receiver did not take it, for a growing while."""

    receiver: str
    held: int
    refused: bool

    name = "let_go_of_webhook"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> int | Refusal:
        return receivers.find(tx, self.receiver).tries

    def apply(self, tx: Tx, caller: Caller, ready: int) -> Done[None] | Refusal:
        tries = ready + 1 if self.refused else 0
        next_try_at = tx.now + back_off(tries) if self.refused else 0
        receivers.let_go(tx, self.receiver, self.held, tries, next_try_at)
        return Done(None)
