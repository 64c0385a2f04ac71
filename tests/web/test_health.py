"""Ready or not: what a load balancer is told, by both listeners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from enlist.core.clock import MINUTE, SECOND
from enlist.store.lanes import Store
from enlist.store.tx import StoreUnavailable
from enlist.web.app import device_application, web_application
from enlist.web.services import Services
from tests.installation import Enlist
from tests.peers.base import wait_until

LISTENERS = [web_application, device_application]


Told = tuple[int, str | None, float | None]
"""The status and, where it is not ready, the reason and how many seconds."""


def ready(enlist: Enlist, app: Callable[[Services], ASGIApp], store: Store | None = None) -> Told:
    """What a listener says of itself."""
    services = Services(enlist.driver, store or enlist.store)
    answer = TestClient(app(services), services.public_url).get("/readyz")
    return answer.status_code, answer.json().get("reason"), answer.json().get("seconds")


@dataclass
class Off:
    """A database whose clock is ahead of ours, or which does not answer at all."""

    skew: int | None

    def check(self) -> int:
        if self.skew is None:
            raise StoreUnavailable("gone")
        return self.skew


def test_five_seconds_are_too_many(enlist: Enlist) -> None:
    """X08, S19: more than 5 seconds off the database's clock takes no traffic, in either way."""
    expected: dict[int | None, Told] = {
        0: (200, None, None),
        5 * SECOND: (200, None, None),
        -5 * SECOND: (200, None, None),
        5 * SECOND + 100_000: (503, "clock", 5.1),
        -10 * MINUTE: (503, "clock", -600.0),
        None: (503, "database", None),
    }
    for app in LISTENERS:
        for skew, told in expected.items():
            assert ready(enlist, app, Off(skew)) == told, skew  # type: ignore[arg-type]


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_process_off_the_databases_clock_is_not_ready(enlist: Enlist, minutes: int) -> None:
    """S19: asked of a real one; SQLite shares the clock of its process."""

    # What the cluster has is the machine's clock, to within the seconds of this test.
    def together() -> bool:
        """The cluster's clock goes on while ours stands still, and asking takes its time."""
        enlist.clock.now += enlist.store.check()
        return ready(enlist, web_application) == (200, None, None)

    wait_until(together, "a process whose clock is right")
    enlist.clock.advance(minutes=minutes)
    status, reason, seconds = ready(enlist, web_application)
    if enlist.store.dialect == "sqlite":
        assert status == 200
    else:
        assert (status, reason) == (503, "clock")
        assert seconds is not None
        assert abs(seconds + 60 * minutes) < 60
