"""A thread that answers requests of self-service; in several processes each takes what is left."""

from __future__ import annotations

from typing import Final

import structlog

from enlist.store.lanes import Store
from enlist.store.tx import StoreUnavailable
from enlist.verbs.answering import Answering
from enlist.verbs.driver import Driver
from enlist.wiring.background import Background

_EVERY: Final = 0.5
_log = structlog.get_logger("enlist.self_service")


class SelfServiceThread(Background):
    """Looks twice a second: whoever asked stands before a page that tells him to read his mail."""

    def __init__(self, driver: Driver, store: Store, *, every: float = _EVERY) -> None:
        super().__init__("self-service", first=every)
        self._answering = Answering(driver, store)
        self._every = every

    def _again(self) -> float:
        try:
            self._answering.work(stopping=self._stopping.is_set)
        except StoreUnavailable as error:
            _log.warning("credentials put off", reason=str(error))
        return self._every
