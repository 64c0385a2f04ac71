"""A thread that tells the log of tokens that ran out; several processes may do so at once."""

from __future__ import annotations

from typing import Final

import structlog

from enlist.core.caller import SYSTEM
from enlist.core.outcomes import Refusal
from enlist.store.tx import StoreUnavailable
from enlist.verbs.driver import Driver
from enlist.verbs.expiring import TellExpired
from enlist.wiring.background import Background

_EVERY: Final = 2.0
_log = structlog.get_logger("enlist.expiry")


class ExpiryThread(Background):
    """Looks every two seconds, by one small question."""

    def __init__(self, driver: Driver, *, every: float = _EVERY) -> None:
        super().__init__("expiry", first=every)
        self._driver = driver
        self._every = every

    def _again(self) -> float:
        try:
            told = self._driver.perform(TellExpired(), SYSTEM)
        except StoreUnavailable as error:
            _log.warning("expiries put off", reason=str(error))
            return self._every
        return 0.0 if not isinstance(told, Refusal) and told.value else self._every
