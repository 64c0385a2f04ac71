"""Self-service: whether its answer's time tells anything, and what guessing costs others.

Every way to be right or wrong is asked in turn, over HTTP, from an address of its own; medians must
lie less than a millisecond apart (B12). And while guesses arrive at 200 a second in all, from ever
new addresses, redemptions by token keep four fifths of their rate, and their p99 no more than
doubles (P13): half the load, so that waiting is seen and not the machine's end.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2

from enlist.core.secrets import random_passcode
from enlist.settings import Settings
from enlist.verbs.callers import host_caller
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.passcodes import GeneratePasscode
from enlist.verbs.users import AddUser
from enlist.wiring.installation import open_installation
from tests.bench import many, redeem, report, strangers
from tests.bench.both import on_both

SAMPLES: Final = int(os.environ.get("BENCH_SAMPLES", "2000"))
"""Answers of each way."""
SECONDS: Final = int(os.environ.get("BENCH_SECONDS", "5"))
TOKENS: Final = int(os.environ.get("BENCH_TOKENS", "60000"))
GUESSES: Final = 200
"""A second."""
PATH: Final = "/self-service"
MAILED: Final = ("ENLIST_SMTP_HOST", "ENLIST_SMTP_PORT", "ENLIST_MAIL_FROM")
"""Settings that must be there, so that the page offers anything: nobody listens behind them."""


def run(folder: Path, database: str, store: str) -> bool:
    """Measure both and print them; whether all aims are met."""
    bodies = many.prepare(folder, database, 6 * TOKENS, 6 * TOKENS)
    passcode = _prepare(folder, database)
    for name, value in zip(MAILED, ("127.0.0.1", "1", "bench@example.com"), strict=True):
        os.environ.setdefault(name, value)
    trusted = ("--trusted-proxy", "127.0.0.1/32")
    with redeem.served(folder, database, 2 if database else 1, *trusted) as (url, _):
        met = asyncio.run(_guessed(url, bodies, store))
        with httpx2.Client(base_url=url, trust_env=False, timeout=30) as client:
            times = _measure(client, passcode)
    strangers.show(f"{store}, self-service", times)
    return strangers.close(times) and met


def _prepare(folder: Path, database: str) -> str:
    """A passcode, and somebody known for each answer that is right."""
    installation = open_installation(Settings(data=folder, database=database))
    driver = installation.driver
    host = installation.store.read(lambda tx: host_caller(tx, "bench"))
    change: dict[str, object] = {"passcode_attempts": 100}
    redeem.must(driver.perform(ChangeSettings("main", change), host))
    made = redeem.must(driver.perform(GeneratePasscode("main"), host)).secret
    for number in range(SAMPLES + 1):
        name = f"person{number}"
        redeem.must(driver.perform(AddUser("main", name, f"{name}@example.com"), host))
    installation.close()
    return made.reveal()


def _measure(client: httpx2.Client, passcode: str) -> dict[str, list[float]]:
    """Milliseconds of each answer, by what was right; the first round warms up.

    Each round has a right entry of somebody known, so that wrong ones never lock.
    """
    numbers = itertools.count()

    def wrong() -> str:
        return random_passcode().reveal()

    ways: dict[str, Callable[[int], tuple[str, str]]] = {
        strangers.FIRST: lambda _n: (f"nobody{next(numbers)}@example.org", wrong()),
        strangers.CONTROL: lambda _n: (f"nobody{next(numbers)}@example.org", wrong()),
        "known, right": lambda n: (f"person{n}@example.com", passcode),
        "known, wrong": lambda n: (f"person{n}@example.com", wrong()),
        "unknown, right": lambda _n: (f"nobody{next(numbers)}@example.org", passcode),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    sources, nonce = strangers.addresses(), _nonce(client)
    for number in range(SAMPLES + 1):
        for name, make in ways.items():
            email, typed = make(number)
            form = {"nonce": nonce, "email": email, "passcode": typed, "platform": "linux"}
            headers = {"x-forwarded-for": next(sources)}
            started = time.perf_counter()
            answer = client.post(PATH, data=form, headers=headers)
            took = (time.perf_counter() - started) * 1000
            if answer.status_code != 200:
                raise RuntimeError(f"void: {name} was answered {answer.status_code}")
            if number:
                found[name].append(took)
    return found


def _nonce(client: httpx2.Client) -> str:
    shown = re.search(r'name="nonce" value="([^"]+)"', client.get(PATH).text)
    if shown is None:
        raise RuntimeError("void: the page offers no form")
    return shown[1]


async def _guessed(url: str, bodies: Path, store: str) -> bool:
    """Redemptions with and without guesses, in turn; the machine's speed changes in minutes."""
    parts: list[Path] = []
    for share in (0.1, 0.2, 0.25, 0.33, 0.5):
        part, bodies = redeem.parted(bodies, share)
        parts.append(part)
    warm, *rest = parts
    begun = redeem.load(url, warm, redeem.WARM)
    pause = 2 * 64_000 / begun.rate

    async def load(part: Path, pause: float = 0.0) -> redeem.Load:
        return await asyncio.to_thread(redeem.load, url, part, SECONDS, pause=pause)

    alone, alone_half = await load(rest[0]), await load(rest[1], pause)
    async with _guessing(url):
        among, among_half = await load(rest[2]), await load(rest[3], pause)
    kept = report.at_least("share of the rate kept", among.rate / alone.rate, 1.0, 0.8)
    wait = report.at_most("p99 at half the load, times", among_half.p99 / alone_half.p99, 2.0)
    told = f"{among.rate:,.0f} of {alone.rate:,.0f} a second, p99 {among_half.p99:.1f} ms"
    title = f"{store}, among {GUESSES} guesses a second: {told} of {alone_half.p99:.1f}"
    return report.show_aims(title, [kept, wait])


@asynccontextmanager
async def _guessing(url: str) -> AsyncIterator[None]:
    """Guesses at an even rate, each from a new address, until the end."""
    sources = strangers.addresses()
    limits = httpx2.Limits(max_connections=64)
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30, limits=limits) as him:
        with httpx2.Client(base_url=url, trust_env=False, timeout=30) as first:
            nonce, cookies = _nonce(first), dict(first.cookies)
        him.cookies.update(cookies)

        async def one() -> None:
            form = {"nonce": nonce, "email": "person1@example.com", "platform": "linux"}
            form["passcode"] = random_passcode().reveal()
            await him.post(PATH, data=form, headers={"x-forwarded-for": next(sources)})

        async def all_of_them() -> None:
            async with asyncio.TaskGroup() as group:
                due = time.monotonic()
                while True:
                    due += 1 / GUESSES
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                    group.create_task(one())

        going_on = asyncio.create_task(all_of_them())
        try:
            yield
        finally:
            going_on.cancel()
            await asyncio.gather(going_on, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(on_both(run))
