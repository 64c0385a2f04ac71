"""A thread that sweeps now and then (see `verbs.sweep`); several processes may do so at once."""

from __future__ import annotations

import structlog

from enlist.core.caller import SYSTEM
from enlist.store.tx import StoreUnavailable
from enlist.verbs.driver import Driver
from enlist.verbs.sweep import Sweep
from enlist.wiring.background import Background

_EVERY = 300.0
_log = structlog.get_logger("enlist.janitor")


class Janitor(Background):
    """Sweeps every five minutes; first after one wait, so that a start is not slowed down."""

    def __init__(self, driver: Driver, *, every: float = _EVERY) -> None:
        super().__init__("janitor", first=every)
        self._driver = driver
        self._every = every

    def _again(self) -> float:
        try:
            self._driver.perform(Sweep(), SYSTEM)
        except StoreUnavailable as error:
            _log.warning("sweep put off", reason=str(error))
        return self._every
