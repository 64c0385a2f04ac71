"""Answering those who asked for credentials with the right passcode, beside their requests.

Only then is anything done that takes longer for somebody known: so no answer of the self-service
page tells by its time who that is (B12). A request is taken from the queue in the transaction that
issues its credentials: whatever is stopped in between has done both or neither, and of several
processes one does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from enlist.core.caller import SYSTEM, Caller
from enlist.core.ids import Id
from enlist.core.outcomes import Done, Refusal
from enlist.store import credential_requests
from enlist.store.credential_requests import CredentialRequest
from enlist.store.lanes import Store
from enlist.store.tx import Tx
from enlist.verbs.driver import Driver
from enlist.verbs.issuing import Issued
from enlist.verbs.one_time_credentials import IssueCredentials, Ready

AT_ONCE: Final = 100
"""Requests that are answered in one round."""

_log = structlog.get_logger("enlist.answering")
_TAKEN: Final = Refusal("conflict", reason="answered by another process", counted_only=True)


@dataclass(frozen=True)
class AnswerRequest(IssueCredentials):
    """Issue the credentials that somebody asked for.

    Refusals: those of IssueCredentials. Whatever is refused is not tried again: its event says why
    nobody was written to, and whoever asked may ask again.
    """

    request_id: Id = ""

    name = "answer_request"
    refused_as = "passcode.refused"

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Issued] | Refusal:
        if not credential_requests.take(tx, self.request_id):
            return _TAKEN
        return super().apply(tx, caller, ready)

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> None:
        if refusal.code != "try_later":
            credential_requests.take(tx, self.request_id)


class Answering:
    """Works through the queue."""

    def __init__(self, driver: Driver, store: Store) -> None:
        self._driver = driver
        self._store = store

    def work(self, stopping: Callable[[], bool]) -> None:
        """Answer those who wait, the first first.

        Raises:
            StoreUnavailable: the database cannot be reached; who waits goes on waiting.
        """
        for each in self._store.read(lambda tx: credential_requests.waiting(tx, AT_ONCE)):
            if stopping():
                return
            self._answer(each)

    def _answer(self, asked: CredentialRequest) -> None:
        outcome = self._driver.perform(
            AnswerRequest(
                user=asked.user_id,
                platform=asked.platform,
                organization=asked.organization_id,
                passcode_id=asked.passcode_id,
                request_id=asked.id,
            ),
            SYSTEM,
        )
        if isinstance(outcome, Refusal) and outcome is not _TAKEN:
            _log.warning("credentials not sent", code=outcome.code, reason=outcome.reason)
