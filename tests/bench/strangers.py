"""Whether the time of an answer tells a stranger what was wrong (X13, S07).

Every way to be wrong is asked in turn over HTTP, each time from an address of its own: whatever the
machine does meanwhile hits all alike. Within a shape (with a login, or without; ruling 8) the
medians must lie less than a millisecond apart. One way is asked under two names: how far their
medians lie apart is how much this machine can tell now. A malformed token is not among them: its
form is public, and it is refused unread (ruling 11).
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import httpx2
from rich.console import Console
from rich.table import Table

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import SECOND, system_clock
from enlist.core.secrets import BASE58, Secret, new_code, random_letters
from enlist.settings import Settings
from enlist.store.redemptions import DeviceReport
from enlist.verbs.callers import host_caller
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.driver import Driver
from enlist.verbs.issuing import Delivery
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.reissue import Revoke
from enlist.verbs.setup import Administrator, Beginning
from enlist.wiring.installation import open_installation
from tests.bench.redeem import must, served

SAMPLES: Final = int(os.environ.get("BENCH_SAMPLES", "2000"))
"""How many answers are timed for each shape, all ways to be wrong together."""

CLOSE: Final = 1.0
"""How far apart medians may lie, in milliseconds."""

FIRST, CONTROL = "unknown token", "unknown token again"
USER: Final = "bench@example.com"
Body = dict[str, object]
Ways = dict[str, Callable[[], Body]]


def run(folder: Path, database: str, store: str) -> bool:
    """Measure and print; whether the medians of each shape lie close together."""
    without, having = prepare(folder, database)
    with (
        served(folder, database, 1, "--trusted-proxy", "127.0.0.1") as (url, _),
        httpx2.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        shapes = {
            "without a login": measure(client, without, 404),
            "with a login": measure(client, having, 403),
        }
    for shape, found in shapes.items():
        show(f"{store}, {shape}", found)
    return all(close(found) for found in shapes.values())


def measure(client: httpx2.Client, ways: Ways, status: int) -> dict[str, list[float]]:
    """Milliseconds of each answer, by what was wrong; the first round warms up."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    sources = addresses()
    for number in range(SAMPLES // len(ways) + 1):
        for name, make in ways.items():
            body, headers = make(), {"x-forwarded-for": next(sources)}
            started = time.perf_counter()
            answer = client.post("/api/v1/redeem", json=body, headers=headers)
            took = (time.perf_counter() - started) * 1000
            if answer.status_code != status:
                raise RuntimeError(f"void: {name} was answered {answer.status_code} {answer.text}")
            if number:
                found[name].append(took)
    return found


def apart(found: dict[str, list[float]], names: tuple[str, ...] = ()) -> float:
    """How far the medians lie apart; of all, or of these."""
    medians = [statistics.median(found[name]) for name in names or found]
    return max(medians) - min(medians)


def close(found: dict[str, list[float]]) -> bool:
    """Whether nothing can be told, beyond what is noise."""
    return apart(found) - apart(found, (FIRST, CONTROL)) < CLOSE


def show(title: str, found: dict[str, list[float]]) -> None:
    table = Table(f"what was wrong ({title})", "answers", "median ms", "p90 ms")
    for name, times in found.items():
        row = (statistics.median(times), statistics.quantiles(times, n=10)[-1])
        table.add_row(name, str(len(times)), *(f"{value:.2f}" for value in row))
    console = Console(width=120)
    console.print(table)
    verdict = "close enough" if close(found) else "TOO FAR APART"
    noise = apart(found, (FIRST, CONTROL))
    console.print(f"medians {apart(found):.2f} ms apart, noise {noise:.2f}: {verdict}")


def addresses() -> Iterator[str]:
    """A source for each try: the throttle counts by them."""
    first = int(ipaddress.IPv4Address("10.0.0.1"))
    return (str(ipaddress.IPv4Address(first + number)) for number in itertools.count())


def prepare(folder: Path, database: str) -> tuple[Ways, Ways]:
    """An installation with tokens that are wrong in every way; requests without and with login."""
    beginning = Beginning(administrator=Administrator(USER, Secret("a password for the bench")))
    installation = open_installation(Settings(data=folder, database=database), beginning=beginning)
    driver = installation.driver
    host = installation.store.read(lambda tx: host_caller(tx, "bench"))
    change: dict[str, object] = {"allow_bare_enrollment": True}
    must(driver.perform(ChangeSettings("main", change), host))
    dead = {name: token.reveal() for name, token in dead_tokens(driver, host).items()}
    must(driver.perform(ChangeSettings("main", {"token_type": "two_factor"}), host))
    live = [issue(driver, host)[2].reveal() for _ in range(SAMPLES // 8 + 10)]
    installation.close()

    device: Body = {"name": "a guess", "platform": "linux"}
    wrong: Body = {"username": USER, "password": "not the password"}
    nobody: Body = {"username": "nobody", "password": "not the password"}
    uses = itertools.cycle(live)

    def asks(more: Body, token: Callable[[], str]) -> Callable[[], Body]:
        return lambda: {"token": token(), "device": device, **more}

    def unknown() -> str:
        return random_letters(10, BASE58)

    without = {
        FIRST: asks({}, unknown),
        CONTROL: asks({}, unknown),
        "unknown code": asks({}, lambda: new_code().reveal()),
        "live token": asks({}, lambda: live[0]),
        **{name: asks({}, partial(str, token)) for name, token in dead.items()},
    }
    having = {
        FIRST: asks(wrong, unknown),
        CONTROL: asks(wrong, unknown),
        "unknown token, unknown user": asks(nobody, unknown),
        "live token, wrong password": asks(wrong, lambda: next(uses)),
        "live token, unknown user": asks(nobody, lambda: next(uses)),
        **{
            f"{name}, wrong password": asks(wrong, partial(str, token))
            for name, token in dead.items()
        },
        "unknown Group ID": lambda: {"group_id": "nowhere", "device": device, **wrong},
    }
    return without, having


def issue(driver: Driver, host: Caller, expires_at: int | None = None) -> tuple[str, str, Secret]:
    """Device, enrollment and token."""
    details = DeviceDetails("device", "linux")
    issued = must(driver.perform(Register("", USER, details, Delivery("none"), expires_at), host))
    assert issued.token is not None
    return issued.device_id, issued.enrollment_id, issued.token


def dead_tokens(driver: Driver, host: Caller) -> dict[str, Secret]:
    """A token that is over for each reason there is."""
    until = system_clock() + SECOND
    expired = issue(driver, host, until)[2]
    _, _, used = issue(driver, host)
    stranger = Caller(CallerKind.STRANGER, address="192.0.2.1")
    must(driver.perform(Redeem(Presented(used), DeviceReport(platform="linux"), None), stranger))
    _, enrollment, revoked = issue(driver, host)
    must(driver.perform(Revoke(enrollment), host))
    device, _, deleted = issue(driver, host)
    must(driver.perform(DeleteDevice(device), host))
    while system_clock() <= until:
        time.sleep(0.1)
    return {
        "expired token": expired,
        "used token": used,
        "revoked token": revoked,
        "deleted device": deleted,
    }


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="enlist-bench-") as place:
        sys.exit(0 if run(Path(place), "", "SQLite") else 1)
