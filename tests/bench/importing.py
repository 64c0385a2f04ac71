"""How much a server grows while it imports 100,000 people with a device each (P05).

The file is brought through the API; the server's own thread works it through. Memory is looked at
each second, and the most counts: what is given back before the end was needed all the same. Alone:

    python -m tests.bench.importing
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tests.bench import bulk, redeem, report
from tests.bench.both import on_both

ROWS: Final = 100_000
MOST_GROWTH: Final = 100.0
"""MiB by which the server may grow."""


def run(folder: Path, database: str, store: str, rows: int = ROWS) -> bool:
    """Measure and print; whether the aim is met."""
    key = bulk.prepare(folder, database)
    with bulk.mail_server_away(), redeem.served(folder, database, 1) as (url, process):
        _ask(url, key, "POST", "/imports?kind=advanced", _file(-1, 1))
        before = most = redeem.memory_of(process)
        started = time.perf_counter()
        job = _ask(url, key, "POST", "/imports?kind=advanced", _file(0, rows))
        while job["state"] == "running":
            time.sleep(1)
            most = max(most, redeem.memory_of(process))
            job = _ask(url, key, "GET", f"/imports/{job['id']}")
        rate = rows / (time.perf_counter() - started)
    if (job["state"], job["made"]) != ("done", rows):
        raise RuntimeError(f"void: {job}")
    return report.show_aims(
        f"{store}: import of {rows:,} people with a device each, {rate:,.0f} rows a second",
        [report.at_most("growth at its most, MiB", most - before, MOST_GROWTH)],
    )


def _file(first: int, rows: int) -> bytes:
    head = "username,email,friendly_name,platform,serial\n"
    lines = (
        f"new{n},new{n}@example.com,laptop of {n},linux,S{n}\n" for n in range(first, first + rows)
    )
    return (head + "".join(lines)).encode()


def _ask(url: str, key: str, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=600)
    headers = {"authorization": f"Bearer {key}", "content-type": "text/csv"}
    connection.request(method, f"/api/v1{path}", body, headers)
    answer = connection.getresponse()
    found: dict[str, Any] = json.loads(answer.read())
    connection.close()
    if answer.status >= 400:
        raise RuntimeError(f"void: {found}")
    return found


if __name__ == "__main__":
    sys.exit(on_both(run))
