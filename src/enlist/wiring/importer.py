"""A thread that does imports; in several processes, each takes what nobody works on."""

from __future__ import annotations

import structlog

from enlist.store.lanes import Store
from enlist.store.tx import StoreUnavailable
from enlist.verbs.driver import Driver
from enlist.verbs.importing import Importing
from enlist.wiring.background import Background

_EVERY = 1.0
_log = structlog.get_logger("enlist.importer")


class Importer(Background):
    """Looks every second whether there is something to import."""

    def __init__(self, driver: Driver, store: Store, *, every: float = _EVERY) -> None:
        super().__init__("importer", first=every)
        self._importing = Importing(driver, store)
        self._every = every

    def _again(self) -> float:
        try:
            while self._importing.work(stopping=self._stopping.is_set):
                if self._stopping.is_set():
                    break
        except StoreUnavailable as error:
            _log.warning("import put off", reason=str(error))
        return self._every
