"""Posting events to webhooks: what is due is made of the sealed log, and tried until it is taken.

Whoever moves a webhook's cursor on makes the deliveries of what it passed, in one transaction. Each
is then posted at least once, under the event's id, and waits longer after each try; a receiver that
cannot be reached holds up his own deliveries alone, and is asked less and less. A message that is
refused as such (4xx) for a day is given up, and can be posted again by hand. A receiver who has
taken nothing for three days is stopped; what he is owed is kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from enlist.core.caller import Caller
from enlist.core.clock import DAY, SECOND, rfc3339
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.store import events, feed, webhooks
from enlist.store.feed import Stretch
from enlist.store.tx import Reader, Tx
from enlist.store.webhooks import DeliveryState, Hook, HookDelivery, HookState
from enlist.verbs import documents
from enlist.verbs.deliver import MOST_TRIES, back_off
from enlist.verbs.driver import Answered, QuickVerb, Tools, Verb, View
from enlist.verbs.webhooks import matching, signing_key, wanted

CLAIMED: Final = 30 * SECOND
"""How long a delivery is somebody's to try; longer than posting may take."""
GIVEN_UP: Final = 3 * DAY
"""A receiver who has taken nothing for so long is stopped."""
KEPT: Final = 30 * DAY
"""How long it can be seen what was delivered."""
MOST_WAITING: Final = 2_000
"""Deliveries that wait for one receiver; what comes behind them waits in the log."""
_AT_ONCE: Final = 200
_OF_ONE: Final = 20

NOT_HIS_FAULT: Final = frozenset({408, 425, 429})
"""Answers of 4xx that say nothing about the message."""


@dataclass(frozen=True, slots=True)
class Post:
    """What is posted, where, signed with what."""

    delivery: HookDelivery
    hook: Hook
    key: bytes
    message_id: str
    body: bytes

    def __repr__(self) -> str:
        return f"Post({self.delivery.id!r}, •••)"


@dataclass(frozen=True)
class ActiveWebhooks(View[tuple[Hook, ...]]):
    """All that want events, for whoever posts them."""

    def read(self, tx: Reader, caller: Caller) -> tuple[Hook, ...] | Refusal:
        return tuple(webhooks.active(tx))


@dataclass(frozen=True)
class DueDeliveries(View[tuple[Id, ...]]):
    """What is to be posted to one webhook now."""

    hook: Hook

    def read(self, tx: Reader, caller: Caller) -> tuple[Id, ...] | Refusal:
        if self.hook.next_try_at > tx.now:
            return ()
        return tuple(webhooks.due(tx, self.hook.id, _OF_ONE))


@dataclass(frozen=True)
class QueueDeliveries(Verb[Stretch, Stretch, bool]):
    """Make the deliveries of what was sealed since; True where there is more."""

    hook: Hook

    name = "queue_deliveries"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Stretch | Refusal:
        if webhooks.waiting(tx, self.hook.id) >= MOST_WAITING:
            return Stretch((), self.hook.cursor, more=False)
        kinds, path = matching(self.hook.kinds), self.hook.organization_path
        return feed.after(tx, self.hook.cursor, path, _AT_ONCE, kinds=kinds)

    def work(
        self, tools: Tools, caller: Caller, seen: Stretch
    ) -> Stretch | Answered[bool] | Refusal:
        return seen if seen.last > self.hook.cursor else Answered(Done(False))

    def apply(self, tx: Tx, caller: Caller, ready: Stretch) -> Done[bool] | Refusal:
        kinds = self.hook.kinds
        owed = [(e.id, e.kind) for e in (each.event for each in ready.items) if wanted(kinds, e)]
        return Done(webhooks.move(tx, self.hook, ready.last, owed) and ready.more)


@dataclass(frozen=True)
class ClaimDelivery(Verb[Post | None, Post, Post | None]):
    """Take a delivery for posting; None where somebody else does, or nothing is to do any more."""

    delivery_id: Id

    name = "claim_delivery"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Post | Refusal | None:
        found = webhooks.delivery(tx, self.delivery_id)
        hook = webhooks.find(tx, found.webhook_id) if found else None
        if found is None or hook is None or hook.state is not HookState.ACTIVE:
            return None
        place = feed.place(tx, found.event_id)
        if place is None:
            return None
        path = hook.organization_path
        items = feed.after(tx, place - 1, path, 1, kinds=(found.kind,)).items
        if not items or items[0].event.id != found.event_id:
            return None
        told: dict[str, Any] = documents.sealed_event(items[0])
        told.pop("personal")
        told["at"] = rfc3339(told["at"])
        body = {"type": found.kind, "timestamp": told["at"], "data": told}
        text = json.dumps(body, ensure_ascii=False).encode()
        return Post(found, hook, signing_key(tools.keys, hook), f"evt_{found.event_id}", text)

    def work(
        self, tools: Tools, caller: Caller, seen: Post | None
    ) -> Post | Answered[Post | None] | Refusal:
        return seen or Answered(Done(None))

    def apply(self, tx: Tx, caller: Caller, ready: Post) -> Done[Post | None] | Refusal:
        return Done(ready if webhooks.claim(tx, ready.delivery.id, tx.now + CLAIMED) else None)


@dataclass(frozen=True)
class NotePosted(QuickVerb[HookDelivery, bool]):
    """Write down what came of a try; True where the receiver can be sent more at once.

    Attributes:
        status: of the answer; None where there was none.
        answer: how it began, or why there was none.
    """

    hook_id: Id
    delivery_id: Id
    status: int | None
    answer: str

    name = "note_posted"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> HookDelivery | Refusal:
        found = webhooks.delivery(tx, self.delivery_id)
        return found or Refusal("not_found")

    def apply(self, tx: Tx, caller: Caller, ready: HookDelivery) -> Done[bool] | Refusal:
        if self.status is not None and 200 <= self.status < 300:
            webhooks.note(tx, ready, DeliveryState.DELIVERED, 0, self.status, self.answer)
            webhooks.taken(tx, self.hook_id)
            return Done(True)
        status = self.status or 0
        about_message = 400 <= status < 500 and status not in NOT_HIS_FAULT
        # What nobody could take is kept for him: he is stopped before it would be given up.
        over = about_message and ready.tries >= MOST_TRIES
        later = tx.now + back_off(ready.tries)
        state = DeliveryState.FAILED if over else DeliveryState.WAITING
        webhooks.note(tx, ready, state, later, self.status, self.answer)
        return Done(self._failed(tx, caller, about_message=about_message))

    def _failed(self, tx: Tx, caller: Caller, *, about_message: bool) -> bool:
        """What one that was not taken says about the receiver."""
        hook = webhooks.find(tx, self.hook_id)
        if hook is None:
            return False
        tries = hook.tries if about_message else hook.tries + 1
        webhooks.failing(tx, hook.id, tries, 0 if about_message else tx.now + back_off(tries))
        since = hook.failing_since if hook.failing_since is not None else tx.now
        gone = self.status == 410
        if gone or since <= tx.now - GIVEN_UP:
            _stop(tx, caller, hook, "the receiver wants no more" if gone else self.answer)
            return False
        return about_message


def _stop(tx: Tx, caller: Caller, hook: Hook, why: str) -> None:
    if webhooks.switch(tx, hook.id, HookState.DISABLED, why[:200]):
        data = {"webhook": hook.id, "name": hook.name, "reason": why[:200]}
        happening = Happening("webhook.disabled", Subjects(hook.organization_id), data)
        events.record(tx, caller, happening)
