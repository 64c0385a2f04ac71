"""The thread that raises alerts: how often it looks at what, and by which checks."""

from __future__ import annotations

from typing import Any, cast

from enlist.core.outcomes import Done
from enlist.verbs.driver import Driver
from enlist.wiring import alerts
from enlist.wiring.alerts import AlertsThread
from enlist.wiring.doctor.certificates import CHECKS


class Quiet:
    """In place of the driver: the log has nothing more, and nothing is amiss."""

    def perform(self, _verb: object, _caller: object) -> Done[Any]:
        return Done(False)


def test_the_files_are_looked_at_once_an_hour() -> None:
    looked: list[int] = []
    looks = 0

    def machine() -> tuple[()]:
        looked.append(looks)
        return ()

    thread = AlertsThread(cast("Driver", Quiet()), machine)
    for looks in range(4000):  # noqa: B007 - what `machine` is asked at
        assert not thread.look()
    first, second, *_ = looked
    assert (first, (second - first) * alerts._EVERY) == (0, 3600)


def test_the_checks_that_it_runs_are_the_doctors() -> None:
    assert set(alerts._OF_FILES) <= {check.name for check in CHECKS}
