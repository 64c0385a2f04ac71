"""A thread that raises alerts and closes them; several processes may do so at once."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from enlist.core.caller import SYSTEM
from enlist.core.diagnosis import Level
from enlist.core.outcomes import Refusal
from enlist.settings import Settings
from enlist.store.tx import StoreUnavailable
from enlist.verbs.alerts import RaiseAlerts
from enlist.verbs.driver import Driver
from enlist.verbs.watching import OfMachine, WatchOver
from enlist.wiring.background import Background

_EVERY: Final = 2.0
"""Seconds between two looks into the log."""
_WATCHED_EVERY: Final = 10
"""Looks into the log for one at everything else."""
_FILES_EVERY: Final = 180
"""Of these for one at the certificates' files: an hour."""
_log = structlog.get_logger("enlist.alerts")


class AlertsThread(Background):
    """Reads the log as it grows, and looks at what no event tells.

    Args:
        machine: what this machine knows of itself.
    """

    def __init__(
        self,
        driver: Driver,
        machine: Callable[[], Sequence[OfMachine]] = tuple,
        *,
        every: float = _EVERY,
    ) -> None:
        super().__init__("alerts", first=every)
        self._driver = driver
        self._machine = machine
        self._every = every
        self._looks = 0
        self._known: Sequence[OfMachine] = ()

    def _again(self) -> float:
        try:
            return 0.0 if self.look() else self._every
        except StoreUnavailable as error:
            _log.warning("alerts put off", reason=str(error))
            return self._every

    def look(self) -> bool:
        """Raise and close what is to be; whether the log goes on."""
        raised = self._driver.perform(RaiseAlerts(), SYSTEM)
        if not isinstance(raised, Refusal) and raised.value:
            return True
        if self._looks % _WATCHED_EVERY == 0:
            if self._looks % (_WATCHED_EVERY * _FILES_EVERY) == 0:
                self._known = self._machine()
            self._driver.perform(WatchOver(self._known), SYSTEM)
        self._looks += 1
        return False


def machine(settings: Settings) -> Sequence[OfMachine]:
    """What is amiss with the certificates in this machine's files, as `enlist doctor` judges."""
    from enlist.wiring.doctor.certificates import CHECKS
    from enlist.wiring.doctor.check import CannotTell, Ground

    ground, here = Ground(settings), socket.gethostname()
    found = []
    for check in CHECKS:
        if check.name not in _OF_FILES:
            continue
        try:
            finding = check.run(ground)
        except CannotTell:
            continue
        grave = finding.level in _OF_FILES[check.name]
        details = f"{here}, {check.title}: {finding.found}" if grave else ""
        found.append(OfMachine(f"{check.name} {here}", details))
    return tuple(found)


_OF_FILES: Final = {
    # Two years before it ends there is time; once it ends before what it signs, there is none.
    "authority-certificate": (Level.PROBLEM,),
    "device-certificate": (Level.WARNING, Level.PROBLEM),
    "device-names": (Level.WARNING, Level.PROBLEM),
    "web-certificate": (Level.WARNING, Level.PROBLEM),
}
"""The checks that read files alone, and from which level on somebody is told."""
