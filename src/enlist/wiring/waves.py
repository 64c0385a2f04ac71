"""A thread that works on waves; in several processes, each takes what nobody works on."""

from __future__ import annotations

from typing import Final

import structlog

from enlist.store.lanes import Store
from enlist.store.tx import StoreUnavailable
from enlist.verbs.driver import Driver
from enlist.verbs.waving import Waving
from enlist.wiring.background import Background

_EVERY: Final = 0.5
_log = structlog.get_logger("enlist.waves")


class WavesThread(Background):
    """Looks twice a second whether it is somebody's turn: as often as a throttle needs."""

    def __init__(self, driver: Driver, store: Store, *, every: float = _EVERY) -> None:
        super().__init__("waves", first=every)
        self._waving = Waving(driver, store)
        self._every = every

    def _again(self) -> float:
        try:
            while self._waving.work(stopping=self._stopping.is_set):
                if self._stopping.is_set():
                    break
        except StoreUnavailable as error:
            _log.warning("wave put off", reason=str(error))
        return self._every
