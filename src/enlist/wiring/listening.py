"""A thread that hears whose sessions may have ended, be it in another process."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import structlog

from enlist.settings import Settings
from enlist.store.lanes import Store
from enlist.store.sqlite import SqliteStore
from enlist.store.tx import StoreUnavailable
from enlist.store.wakeups import Heard, PostgresWakeups, SqliteWakeups, Wakeups
from enlist.wiring.background import Background

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds before another try where the database is away: the first, doubled, the most."""
_log = structlog.get_logger("enlist.sessions")


class Listening(Background):
    """Hands on what is heard. After an interruption everybody's sessions are looked at."""

    def __init__(self, wakeups: Wakeups, hear: Callable[[Heard], None]) -> None:
        super().__init__("listening", first=0.0)
        self._wakeups = wakeups
        self._hear = hear
        self._pause = 0.0

    def _again(self) -> float:
        try:
            heard = self._wakeups.wait()
        except StoreUnavailable as error:
            self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self._pause))
            _log.warning("hearing nothing from other processes", reason=str(error))
            # Not all processes at once when the database is back.
            return self._pause * (0.5 + secrets.randbelow(1000) / 2000)
        self._pause = 0.0
        if heard:
            self._hear(heard)
        return 0.0

    def _last(self) -> None:
        self._wakeups.close()


def listening(
    store: Store, settings: Settings, hear: Callable[[Heard], None]
) -> tuple[Background, ...]:
    """The thread for this store; none where sessions shall end at the heartbeat only."""
    if not settings.session_wakeup:
        return ()
    wakeups: Wakeups
    if isinstance(store, SqliteStore):
        wakeups = SqliteWakeups(store)
    else:
        wakeups = PostgresWakeups(settings.database)
    return (Listening(wakeups, hear),)
