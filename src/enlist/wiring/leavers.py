"""A thread that carries out planned offboardings; of several processes, one does each."""

from __future__ import annotations

import structlog

from enlist.core.caller import SYSTEM
from enlist.core.outcomes import Refusal
from enlist.store.tx import StoreUnavailable
from enlist.verbs.driver import Driver
from enlist.verbs.offboard import CarryOut, DueOffboardings
from enlist.wiring.background import Background

_EVERY = 2.0
_log = structlog.get_logger("enlist.leavers")


class Leavers(Background):
    """Looks every other second for whom the time has come; also for what came due meanwhile."""

    def __init__(self, driver: Driver, *, every: float = _EVERY) -> None:
        super().__init__("leavers", first=every)
        self._driver = driver
        self._every = every

    def _again(self) -> float:
        try:
            self.carry_out()
        except StoreUnavailable as error:
            _log.warning("offboardings put off", reason=str(error))
        return self._every

    def carry_out(self) -> int:
        """Offboard whoever is due; answers how many were."""
        due = self._driver.view(DueOffboardings(), SYSTEM)
        if isinstance(due, Refusal):
            return 0
        ended = [self._driver.perform(CarryOut(each), SYSTEM) for each in due]
        return sum(not isinstance(each, Refusal) and each.value for each in ended)
