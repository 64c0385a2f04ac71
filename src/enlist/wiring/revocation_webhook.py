"""A thread that posts what was revoked to one receiver; of many processes, one does.

Webhooks of organizations, which get events, have a thread of their own (`webhooks`).
"""

from __future__ import annotations

from typing import Final

import structlog
from prometheus_client import Counter

from enlist.core.caller import SYSTEM
from enlist.core.outcomes import Refusal
from enlist.delivery.webhook import Webhook, message_of
from enlist.settings import Settings
from enlist.store.revocations import Revocation
from enlist.store.tx import StoreUnavailable
from enlist.verbs.driver import Driver
from enlist.verbs.revocation_webhook import ClaimWebhook, Due, LetGo, NoteTold
from enlist.verbs.revocations import TakeUpRevocations, cursor_of
from enlist.wiring.background import Background

EVERY: Final = 0.5
"""Seconds between two looks at what was revoked."""

POSTED: Final = Counter(
    "enlist_webhook_posts_total", "Tries to tell the webhook's receiver, by outcome.", ["outcome"]
)
for _outcome in ("taken", "refused"):
    POSTED.labels(_outcome)
_log = structlog.get_logger("enlist.webhook")


class RevocationWebhookThread(Background):
    """Posts each revocation until it is taken, and only then the next one."""

    def __init__(self, driver: Driver, webhook: Webhook, *, every: float = EVERY) -> None:
        super().__init__("webhook", first=0.0)
        self._driver = driver
        self._webhook = webhook
        self._every = every

    def _again(self) -> float:
        try:
            self._driver.perform(TakeUpRevocations(), SYSTEM)
            return 0.0 if self._tell() else self._every
        except StoreUnavailable as error:
            _log.warning("webhook put off", reason=str(error))
            return self._every

    def _tell(self) -> bool:
        """Tell what is due now; whether all of it was taken, so that there may be more."""
        claimed = self._driver.perform(ClaimWebhook(self._webhook.id), SYSTEM)
        if isinstance(claimed, Refusal) or claimed.value is None:
            return False
        try:
            return self._each(claimed.value)
        finally:
            self._webhook.release()

    def _each(self, due: Due) -> bool:
        held, taken = due.held, True
        for revocation in due.items:
            if self._stopping.is_set():
                break
            taken = self._post(revocation)
            if not taken:
                break
            held = self._note(revocation, held)
            if not held:
                return False
        self._driver.perform(LetGo(self._webhook.id, held, refused=not taken), SYSTEM)
        return taken

    def _post(self, revocation: Revocation) -> bool:
        message_id, body = message_of(revocation)
        why = self._webhook.post(message_id, body, self._driver.tools.clock())
        POSTED.labels("refused" if why else "taken").inc()
        if why:
            _log.warning("webhook not taken", message=message_id, reason=why)
        return not why

    def _note(self, revocation: Revocation, held: int) -> int:
        noted = self._driver.perform(
            NoteTold(self._webhook.id, cursor_of(revocation), held), SYSTEM
        )
        return 0 if isinstance(noted, Refusal) else noted.value


def revocation_webhook(driver: Driver, settings: Settings) -> tuple[Background, ...]:
    """The thread, where the settings name a receiver."""
    if not settings.revocation_webhook:
        return ()
    receiver = Webhook(settings.revocation_webhook, settings.revocation_webhook_key)
    return (RevocationWebhookThread(driver, receiver),)
