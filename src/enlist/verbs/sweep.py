"""Sweep: forget what is over and would otherwise only grow (X15, X55).

Strangers can make throttle rows, and anybody who holds a token can begin as often as he likes.
Events are never swept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import DAY, HOUR
from enlist.core.outcomes import Done, Refusal
from enlist.store import (
    api_sessions,
    attempts,
    credential_requests,
    device_sessions,
    imports,
    limits,
    second_factors,
    sms,
    webhooks,
)
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.posting import KEPT

ATTEMPTS_KEPT: Final = 7 * DAY
"""How long a half-finished attempt can be looked at."""

IMPORTS_KEPT: Final = 30 * DAY
"""How long the rows of an import that are wrong can be downloaded."""

SESSIONS_KEPT: Final = 2 * DAY
"""How long an API session is kept that nobody used; it counts for nothing much sooner."""

PROCESSES_KEPT: Final = HOUR
"""How long a process is remembered that was not seen; its sessions count as over much sooner."""


@dataclass(frozen=True)
class Sweep(QuickVerb[None, int]):
    """Delete rows that are over; answers how many. Enlist itself runs it; it is no event."""

    name = "sweep"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Refusal | None:
        return None

    def apply(self, tx: Tx, caller: Caller, ready: None) -> Done[int] | Refusal:
        dead = device_sessions.sweep(tx, tx.now - PROCESSES_KEPT)
        dead += api_sessions.sweep(tx, tx.now - SESSIONS_KEPT) + sms.sweep(tx)
        dead += webhooks.sweep(tx, tx.now - KEPT) + second_factors.sweep(tx)
        dead += imports.sweep(tx, tx.now - IMPORTS_KEPT) + credential_requests.sweep(tx)
        return Done(dead + limits.sweep(tx) + attempts.sweep(tx, tx.now - ATTEMPTS_KEPT))
