"""A console with something in it, served by a real `enlist serve`.

The installation is filled in this process before the server opens it: everything goes through
the verbs, only faster than by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from enlist.core.clock import HOUR, MINUTE, system_clock
from enlist.core.secrets import Secret
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.register import Register
from enlist.verbs.setup import Administrator, Beginning
from enlist.verbs.sign_in import StartSignIn
from enlist.wiring.installation import open_installation
from tests.browser.watching import Watched, watch
from tests.installation import (
    ADMINISTRATOR,
    PASSWORD,
    Enlist,
    SettableClock,
    Ticket,
    cheap_passwords,
    settings_for,
)
from tests.serving import Server, launch_server

PLATFORMS = ("linux", "macos", "windows", "ios", "android")
MANY = 60


@dataclass
class Filled:
    """The server, what is in it, and whoever signs in, by role.

    Attributes:
        cookie_from_earlier: a sign-in of the administrator's that is too old for what is dangerous.
    """

    server: Server
    browser: Browser
    people: dict[str, str]
    cookie_from_earlier: str
    tickets: dict[str, Ticket]
    opened: list[Watched] = field(default_factory=list)

    def watch(self, role: str = "administrator", **options: object) -> Watched:
        """A browser in which somebody with this role has just signed in; "" for nobody.

        "administrator earlier" did so a while ago.
        """
        cookie = self._cookie(role) if role else ""
        watched = watch(self.browser, self.server.url, cookie, **options)
        self.opened.append(watched)
        return watched

    def _cookie(self, role: str) -> str:
        if role == "administrator earlier":
            return self.cookie_from_earlier
        form = {"username": self.people[role], "password": PASSWORD}
        with self.server.client(headers={"origin": self.server.url}) as client:
            client.post("/sign-in", data=form)
            return client.cookies["enlist"]


def fill(enlist: Enlist) -> dict[str, Ticket]:
    """Two organizations, sixty devices in every state, one of them intercepted."""
    enlist.organization("engineering")
    enlist.organization("sales")
    for name in ("ada", "grace", "alan"):
        enlist.user(name, organization="engineering")
    found: dict[str, Ticket] = {}
    now = enlist.clock.now
    for number in range(MANY):
        enlist.clock.now = now - (MANY - number) * HOUR
        user, platform = ("ada", "grace", "alan")[number % 3], PLATFORMS[number % 5]
        until = None if number < MANY - 10 else now + 90 * HOUR
        name = f"{user.title()}'s machine {number:02}"
        ticket = enlist.register(user, name=name, platform=platform, expires_at=until)
        if number % 4 == 0:
            enlist.redeem(ticket.token, platform=platform, key=number % 3)
        found[f"{number}"] = ticket
    enlist.clock.now = now
    enlist.redeem(found["56"].token, platform=PLATFORMS[56 % 5], key=77)
    enlist.revoke(found["57"].enrollment_id)
    enlist.begin(found["58"].token, platform=PLATFORMS[58 % 5])
    mailed = Register("", "ada", DeviceDetails("Ada's spare", "linux"), Delivery("email"))
    enlist.do(mailed)
    return {
        "enrolled": found["52"],
        "intercepted": found["56"],
        "revoked": found["57"],
        "begun": found["58"],
        "waiting": found["59"],
        "expired": found["1"],
        "overdue": found["2"],
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Filled]:
    """One filled server for all tests of a module."""
    folder = tmp_path_factory.mktemp("console") / "data"
    settings = settings_for(folder)
    clock = SettableClock(system_clock())
    installation = open_installation(
        settings,
        clock=clock,
        beginning=Beginning(
            "Example Corp", administrator=Administrator(ADMINISTRATOR, Secret(PASSWORD))
        ),
        passwords=cheap_passwords(),
    )
    enlist = Enlist(installation, settings, clock)
    tickets = fill(enlist)
    people = {"administrator": ADMINISTRATOR}
    for role in ("operator", "helpdesk", "reader"):
        enlist.staff(role, "", role)
        people[role] = role
    enlist.clock.now -= 15 * MINUTE
    earlier = sign_in(enlist, ADMINISTRATOR)
    enlist.close()
    server = launch(folder)
    running = Filled(server, browser, people, earlier, tickets)
    yield running
    for watched in running.opened:
        watched.context.close()
    server.stop()


def sign_in(enlist: Enlist, username: str) -> str:
    verb = StartSignIn(username, Secret(PASSWORD))
    return enlist.do(verb, enlist.stranger()).cookie.reveal()


def launch(folder: Path) -> Server:
    """A mail server is named, so that messages can be queued; nobody answers there."""
    settings = {"ENLIST_SMTP_HOST": "127.0.0.1", "ENLIST_SMTP_PORT": "9"}
    return launch_server(folder, "", environment=settings)
