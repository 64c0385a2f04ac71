"""A thread that posts events to webhooks of organizations; several processes may do so at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import structlog
from prometheus_client import Counter

from enlist.core.caller import SYSTEM
from enlist.core.ids import Id
from enlist.core.outcomes import Refusal
from enlist.delivery.guard import Guard
from enlist.delivery.webhook import Poster
from enlist.store.tx import StoreUnavailable
from enlist.store.webhooks import Hook
from enlist.verbs.driver import Driver
from enlist.verbs.posting import (
    ActiveWebhooks,
    ClaimDelivery,
    DueDeliveries,
    NotePosted,
    QueueDeliveries,
)
from enlist.wiring.background import Background

EVERY: Final = 1.0
"""Seconds between two looks at what was sealed."""

DELIVERED: Final = Counter(
    "enlist_webhook_deliveries_total",
    "Tries to post an event to an organization's webhook, by outcome.",
    ["outcome"],
)
for _outcome in ("taken", "refused"):
    DELIVERED.labels(_outcome)
_log = structlog.get_logger("enlist.webhooks")


class WebhooksThread(Background):
    """Makes deliveries of what was sealed, and posts those that are due.

    Where no webhook wants events, that is one small question a second.
    """

    def __init__(
        self, driver: Driver, allowed: Collection[str] = (), *, every: float = EVERY
    ) -> None:
        super().__init__("webhooks", first=every)
        self._driver = driver
        self._guard = Guard(allowed)
        self._poster: Poster | None = None
        self._every = every

    def _again(self) -> float:
        try:
            return 0.0 if self.look() else self._every
        except StoreUnavailable as error:
            _log.warning("webhooks put off", reason=str(error))
            return self._every

    def _last(self) -> None:
        self._release()

    def look(self) -> bool:
        """Go through all webhooks once; whether there is more to do at once."""
        more = False
        found = self._driver.view(ActiveWebhooks(), SYSTEM)
        for hook in () if isinstance(found, Refusal) else found:
            if self._stopping.is_set():
                return False
            queued = self._driver.perform(QueueDeliveries(hook), SYSTEM)
            more |= not isinstance(queued, Refusal) and queued.value
            more |= self._deliver(hook)
        if not more:
            self._release()
        return more

    def _deliver(self, hook: Hook) -> bool:
        """Post what is due to one; whether there may be more."""
        due = self._driver.view(DueDeliveries(hook), SYSTEM)
        if isinstance(due, Refusal):
            return False
        for delivery_id in due:
            if self._stopping.is_set() or not self._post(delivery_id):
                return False
        return bool(due)

    def _post(self, delivery_id: Id) -> bool:
        """Try one; False where the receiver shall be left alone for now."""
        claimed = self._driver.perform(ClaimDelivery(delivery_id), SYSTEM)
        post = None if isinstance(claimed, Refusal) else claimed.value
        if post is None:
            return True
        self._poster = self._poster or Poster(self._guard)
        now = self._driver.tools.clock()
        said = self._poster.post(post.hook.url, post.key, post.message_id, post.body, now)
        noted = self._driver.perform(
            NotePosted(post.hook.id, delivery_id, said.status, said.answer), SYSTEM
        )
        taken = said.status is not None and 200 <= said.status < 300
        DELIVERED.labels("taken" if taken else "refused").inc()
        if not taken:
            _log.warning(
                "webhook not taken",
                webhook=post.hook.id,
                message=post.message_id,
                status=said.status,
            )
        return not isinstance(noted, Refusal) and noted.value

    def _release(self) -> None:
        if self._poster is not None:
            self._poster.close()
            self._poster = None
