"""How many enrollments a second one request of 10,000 rows issues over HTTP (P05).

Each row is another user's, and each gets a device, an enrollment, a secret, an event and a message
in the outbox; the time is from the first byte of the request to the last of the answer. The run is
void unless each table holds exactly as many rows as were answered. Alone:

    python -m tests.bench.bulk
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from enlist.core.clock import system_clock
from enlist.core.ids import new_id
from enlist.core.model import User, UserState
from enlist.settings import Settings
from enlist.store import organizations, users
from enlist.store.tx import Query, Tx
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.callers import host_caller
from enlist.verbs.register_many import MOST_ROWS
from enlist.wiring.installation import open_installation
from tests.bench import redeem, report
from tests.bench.both import on_both
from tests.bench.redeem import beginning, must
from tests.peers.base import free_port

AIM: Final = 10_000
MOST_GROWTH: Final = 100.0
"""MiB by which the server may grow while it issues ten requests."""

_COUNTS = Query(
    "bench.bulk_counts",
    """
    SELECT (SELECT count(*) FROM device) AS devices,
           (SELECT count(*) FROM enrollment) AS enrollments,
           (SELECT count(*) FROM enrollment_secret) AS secrets,
           (SELECT count(*) FROM message) AS messages,
           (SELECT count(*) FROM event WHERE kind = 'device.registered') AS events
    """,
)


def run(folder: Path, database: str, store: str, requests: int = 10) -> bool:
    """Measure and print; whether the aims are met."""
    key = prepare(folder, database)
    body = json.dumps({"rows": [row(n) for n in range(MOST_ROWS)]}).encode()
    rates = []
    with mail_server_away(), redeem.served(folder, database, 1) as (url, process):
        ask(url, key, json.dumps({"rows": [row(0)]}).encode())
        before = redeem.memory_of(process)
        for _ in range(requests):
            started = time.perf_counter()
            ask(url, key, body)
            rates.append(MOST_ROWS / (time.perf_counter() - started))
        grown = redeem.memory_of(process) - before
    _check(folder, database, requests * MOST_ROWS + 1)
    told = " ".join(f"{rate:,.0f}" for rate in rates)
    return report.show_aims(
        f"{store}: bulk issue, requests of {MOST_ROWS:,} rows: {told}",
        [
            report.at_least(
                "enrollments a second, the median", sorted(rates)[len(rates) // 2], AIM, 1
            ),
            report.at_most(f"growth over {requests} requests, MiB", grown, MOST_GROWTH),
        ],
    )


def row(number: int) -> dict[str, str]:
    """A device of one of them."""
    return {"user": f"user{number}", "name": f"laptop {number}", "platform": "linux"}


def prepare(folder: Path, database: str) -> str:
    """An installation with as many users as a request has rows, and a key for it."""
    installation = open_installation(
        Settings(data=folder, database=database), beginning=beginning()
    )
    caller = installation.store.read(lambda tx: host_caller(tx, "bench"))
    root = installation.store.read(organizations.root)
    assert root is not None
    for first in range(0, MOST_ROWS, 500):

        def add(tx: Tx, first: int = first) -> None:
            for number in range(first, first + 500):
                name = f"user{number}"
                user = User(
                    new_id(tx.now), root.id, root.path, root.group_id, name,
                    f"{name}@example.com", "", "", "", "basic", UserState.ACTIVE, "", "",
                    system_clock(), False,
                )  # fmt: skip
                users.insert(tx, user, None)

        installation.store.write(add)
    made = must(installation.driver.perform(CreateApiKey("bench", "operator", root.id), caller))
    installation.close()
    return made.secret.reveal()


@contextmanager
def mail_server_away() -> Iterator[None]:
    """Messages are queued, and stay in the outbox: sending them is not what is measured."""
    given = {
        "ENLIST_SMTP_HOST": "127.0.0.1",
        "ENLIST_SMTP_PORT": str(free_port()),
        "ENLIST_SMTP_SECURITY": "none",
        "ENLIST_MOST_LIVE_ENROLLMENTS": "10000000",
    }
    os.environ |= given
    try:
        yield
    finally:
        for name in given:
            del os.environ[name]


def ask(url: str, key: str, body: bytes) -> None:
    """One request; the run is void where a row of it was refused."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection.request("POST", "/api/v1/devices/bulk", body, headers)
    answer = connection.getresponse().read()
    connection.close()
    last = json.loads(answer.splitlines()[-1])
    if last.get("refused") != 0:
        raise RuntimeError(f"void: {answer[:500]!r} … {last}")


def _check(folder: Path, database: str, issued: int) -> None:
    installation = open_installation(Settings(data=folder, database=database), beginning=None)
    counts = installation.store.read(lambda tx: tx.one(_COUNTS))
    installation.close()
    assert counts is not None
    if set(counts.values()) != {issued}:
        raise RuntimeError(f"void: {issued} were answered, but {dict(counts)}")


if __name__ == "__main__":
    sys.exit(on_both(run))
