"""A thread that sweeps now and then (see `verbs.sweep`); several processes may do so at once."""

from __future__ import annotations

import threading

import structlog

from enlist.core.caller import SYSTEM
from enlist.store.tx import StoreUnavailable
from enlist.verbs.driver import Driver
from enlist.verbs.sweep import Sweep

_EVERY = 300.0
_log = structlog.get_logger("enlist.janitor")


class Janitor:
    """Sweeps every five minutes until it is stopped."""

    def __init__(self, driver: Driver, *, every: float = _EVERY) -> None:
        self._driver = driver
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)

    def start(self) -> None:
        """Begin; the first sweep comes after one wait, so that a start is not slowed down."""
        self._thread.start()

    def stop(self) -> None:
        """End, after a sweep that is under way."""
        self._stopping.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                self._driver.perform(Sweep(), SYSTEM)
            except StoreUnavailable as error:
                _log.warning("sweep put off", reason=str(error))
