"""How long a page of Enrollment Status takes among 1,000,000 registrations (P18), by each filter.

Each registration has a device of its own; platform, ownership, source and state are spread over
them. A page is read as the console reads it, from the store. Alone, also with fewer rows:

    BENCH_REGISTRATIONS=20000 python -m tests.bench.registrations
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

from enlist.store import enrollment_status
from enlist.store.listing import Page, PageRequest
from tests.bench import report
from tests.bench.both import on_both
from tests.installation import Enlist, SettableClock, opened_on, settings_for
from tests.store.many import COUNTED_ID
from tests.store.raw import Raw, opened

ROWS: Final = int(os.environ.get("BENCH_REGISTRATIONS", "1000000"))
LONGEST: Final = 100.0
"""Milliseconds that 19 of 20 first pages may take at most."""
FARTHER: Final = 1.5
"""By how much page 1,000 may be slower than page 1."""
TRIES: Final = 20

_DEVICE: Final = {
    "name": "'laptop ' || i",
    "serial": "'SN-' || i",
    "platform": "CASE WHEN i % 100 = 0 THEN 'ios' ELSE 'linux' END",
    "ownership": "CASE WHEN i % 7 = 0 THEN 'employee_owned' ELSE 'none' END",
}
_ENROLLMENT: Final = {
    "state": "CASE WHEN i % 10 = 0 THEN 'active' ELSE 'revoked' END",
    "source": "CASE WHEN i % 50 = 0 THEN 'api' ELSE 'command_line' END",
    "message_id": "NULL",
}


def run(folder: Path, database: str, store: str) -> bool:
    """Measure and print; whether the aims are met."""
    settings = settings_for(folder / "data", database)
    enlist = opened_on(settings, SettableClock())
    try:
        with opened(settings) as raw:
            _fill(enlist, raw)
        found = {name: _slow(enlist, request) for name, request in _asked(enlist).items()}
    finally:
        enlist.close()
    aims = [report.at_most(f"{name}, p95 in ms", took, LONGEST) for name, took in found.items()]
    far = found["page 1,000"] / found["page 1"]
    aims.append(report.at_most("page 1,000 beside page 1", far, FARTHER))
    return report.show_aims(f"{store}: a page among {ROWS:,} registrations", aims)


def _fill(enlist: Enlist, raw: Raw) -> None:
    """Copies of one registration."""
    enlist.register("ada")
    made = COUNTED_ID[enlist.store.dialect]
    for table, special in (
        ("device", {"id": made, **_DEVICE}),
        ("enrollment", {"id": made, "device_id": made, **_ENROLLMENT}),
    ):
        columns = list(enlist.rows(table)[0])
        chosen = ", ".join(special.get(name, f"one.{name}") for name in columns)
        raw.execute(
            f"""
            INSERT INTO {table} ({", ".join(columns)})
            WITH RECURSIVE counted(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted
                                           WHERE i < {ROWS})
            SELECT {chosen} FROM (SELECT * FROM {table} LIMIT 1) AS one, counted
            """
        )
    raw.execute("ANALYZE")


def _asked(enlist: Enlist) -> dict[str, PageRequest]:
    """The first page by each filter and search, and a far one."""
    path = enlist.root.path
    far = PageRequest(path, limit=500)
    for _ in range(min(100, ROWS // 1000)):
        page = enlist.store.read(partial(enrollment_status.page, request=far))
        assert isinstance(page, Page)
        far = PageRequest(path, limit=500, cursor=page.next_cursor or "")
    asked = {
        "page 1": PageRequest(path),
        "page 1,000": PageRequest(path, cursor=far.cursor),
        "searched, many fit": PageRequest(path, search="laptop"),
        "searched, one fits": PageRequest(path, search=f"laptop {ROWS // 2}"),
    }
    for name, value in (
        ("state", "active"),
        ("state", "used"),
        ("token_status", "revoked"),
        ("token_status", "in_progress"),
        ("platform", "ios"),
        ("ownership", "employee_owned"),
        ("device_state", "registered"),
        ("token_type", "single_factor"),
        ("source", "api"),
        ("first_seen", "never"),
    ):
        asked[f"{name} {value}"] = PageRequest(path, filters={name: value})
    return asked


def _slow(enlist: Enlist, request: PageRequest) -> float:
    """Milliseconds that all but one of some tries took at most."""
    took = []
    for _ in range(TRIES):
        started = time.perf_counter()
        enlist.store.read(partial(enrollment_status.page, request=request))
        took.append((time.perf_counter() - started) * 1000)
    return sorted(took)[-2]


if __name__ == "__main__":
    sys.exit(on_both(run))
