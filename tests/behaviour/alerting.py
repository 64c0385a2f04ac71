"""An installation that alerts are raised in, when a test says so, and what they are raised by."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from enlist.core.caller import SYSTEM, Caller
from enlist.core.secrets import Secret
from enlist.store import channel_health
from enlist.store.alerts import Alert
from enlist.verbs.alert_routes import RoutesAt, ShowAlertRoutes
from enlist.verbs.alerts import ListAlerts, RaiseAlerts
from enlist.verbs.sealing import Sealer
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.watching import OfMachine, WatchOver
from tests.installation import Enlist, code


@dataclass
class World:
    """An installation whose log is sealed and whose alerts are raised when a test says so."""

    enlist: Enlist
    _sealer: Sealer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self.enlist.driver.tools, "channels", frozenset({"email"}))
        self._sealer = Sealer(self.enlist.store)

    def look(self, *machine: OfMachine) -> None:
        """What the thread of a server does."""
        self.seal()
        while self.enlist.do(RaiseAlerts(), SYSTEM):
            pass
        self.enlist.do(WatchOver(machine), SYSTEM)

    def seal(self) -> None:
        while self._sealer.look().more:
            pass

    def alerts(self, caller: Caller | None = None, **filters: str) -> list[Alert]:
        return list(self.enlist.see(ListAlerts(filters=filters), caller).items)

    @property
    def open(self) -> list[str]:
        return [each.kind for each in self.alerts(state="open")]

    @property
    def told(self) -> list[str]:
        """To whom messages about alerts were queued, in order."""
        rows = self.enlist.rows("message", purpose="alert")
        return [row["recipient"] for row in rows]

    def away(self, channel: str = "email") -> None:
        """The channel is away, and was for six minutes."""
        self.enlist.store.write(lambda tx: channel_health.unreachable(tx, channel, "no answer"))
        self.enlist.clock.advance(minutes=6)

    def back(self, channel: str = "email") -> None:
        self.enlist.store.write(lambda tx: channel_health.well(tx, channel))

    def routes(self, caller: Caller | None = None, organization: str = "") -> RoutesAt:
        place = organization or self.enlist.root.id
        return self.enlist.see(ShowAlertRoutes(place), caller)


@pytest.fixture
def world(enlist: Enlist) -> World:
    return World(enlist)


def guessed(world: World, user: str = "ada", times: int = 10) -> None:
    """Somebody tries passwords, as patiently as he has to."""
    if not world.enlist.rows("app_user", username=user):
        world.enlist.user(user)
    for _ in range(times):
        tried = StartSignIn(user, Secret("wrong"))
        assert code(world.enlist.perform(tried, world.enlist.stranger())) == "sign_in_failed"
        world.enlist.clock.advance(minutes=10)
