"""What an administrator waits for in long lists (P18), as the verbs answer: no HTTP, no page.

Each list is asked for its first page and page 1,000, searched by how names begin, and filtered by
state: these have an aim. Every other filter and order is measured beside, a few times. From the
environment: BENCH_LISTS, how many enrollments there are; 1,000,000 is what the aim is about.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from enlist.store.listing import LISTINGS, Page
from enlist.verbs.exporting import ExportEnrollments, lines
from enlist.verbs.views import (
    ListDevices,
    Listed,
    ListEnrollments,
    ListEvents,
    ListMessages,
    ListUsers,
)
from enlist.verbs.views_overview import Overview, SearchEverything
from tests.bench import million, report
from tests.bench.both import on_both
from tests.bench.redeem import memory_of_pid
from tests.installation import Enlist, SettableClock, opened_on, settings_for
from tests.store.raw import opened

ROWS: Final = int(os.environ.get("BENCH_LISTS", "100000"))
LONGEST: Final = 100.0
"""Milliseconds within which 95 of 100 first pages come."""
FARTHER: Final = 1.5
"""How many times as long page 1,000 may take."""
GROWTH: Final = 10.0
"""MiB by which the process may grow while everything is exported, once it runs."""
FAR: Final = 1000
_TRIES: Final = 40
_BESIDE: Final = 3

Asked = dict[str, Listed[Any]]
PREFIXES: Final[dict[type[Listed[Any]], tuple[str, ...]]] = {
    ListEnrollments: ("person1234", "laptop-12", "desktop-99", "mail1234", "lap"),
    ListDevices: ("person1234", "laptop-12", "sn1234", "sn", "lap"),
    ListUsers: ("person1234", "mail1234", "last12", "first12 ", "+49301", "p"),
    ListMessages: ("person1234", "mail1234", "mail"),
}
"""What somebody types: found seldom, a thousand times, and almost everywhere."""
STATES: Final[dict[type[Listed[Any]], tuple[str, ...]]] = {
    ListEnrollments: ("active", "expired", "used", "revoked", "on_hold"),
    ListDevices: ("registered", "enrolled", "unenrolled", "blocked"),
    ListUsers: ("active", "disabled"),
    ListMessages: ("queued", "sending", "sent", "delivered", "failed"),
}
NOTHING: Final = "zzzz"


def run(folder: Path, database: str, store: str) -> bool:
    """Measure and print; whether the aims are met."""
    settings = settings_for(folder / "data", database)
    enlist = opened_on(settings, SettableClock())
    try:
        with opened(settings) as raw:
            million.fill(enlist, raw, ROWS)
        return measure(enlist, store)
    finally:
        enlist.close()


def measure(enlist: Enlist, store: str) -> bool:
    """The same, of an installation that is filled."""
    aims = [*_first_pages(enlist), *_far_pages(enlist), _export(enlist)]
    met = report.show_aims(f"lists of {ROWS:,} enrollments ({store}), p95 in ms", aims)
    table = Table("what is measured beside", "ms", title=store, title_justify="left")
    for name, view in _beside(enlist):
        table.add_row(name, f"{statistics.median(_times(enlist, view, _BESIDE)):.1f}")
    Console(width=120).print(table)
    return met


def _first_pages(enlist: Enlist) -> Iterator[report.Aim]:
    """What has the aim: every list, searched by how names begin, and filtered by state."""
    views: list[type[Listed[Any]]] = [*PREFIXES, ListEvents]
    asked: Asked = {_called(view): view() for view in views}
    for view, texts in PREFIXES.items():
        asked |= {f'{_called(view)} "{text}"': view(search=text) for text in texts}
    for view, states in STATES.items():
        asked |= {f"{_called(view)} {each}": view(filters={"state": each}) for each in states}
    asked["enrollments of an organization below"] = ListEnrollments(million.LABS)
    for name, one in asked.items():
        yield report.at_most(name, _p95(_times(enlist, one, _TRIES)), LONGEST)


def _far_pages(enlist: Enlist) -> Iterator[report.Aim]:
    size = 50 if ROWS >= FAR * 50 else max(1, ROWS // FAR)
    for view in (ListEnrollments, ListDevices, ListUsers, ListEvents, ListMessages):
        near, far = view(limit=size), _far(enlist, view(limit=size))
        ratios = [
            statistics.median(_times(enlist, far, _TRIES))
            / statistics.median(_times(enlist, near, _TRIES))
            for _ in range(3)
        ]
        name = f"{_called(view)}: page {FAR:,}, times page 1"
        yield report.at_most(name, statistics.median(ratios), FARTHER)


def _far(enlist: Enlist, view: Listed[Any]) -> Listed[Any]:
    """The same list from page 1,000 on, or from as far as it goes."""
    stride, left = replace(view, limit=500), (FAR - 1) * view.limit
    while left > 0:
        stride = replace(stride, limit=min(500, left))
        page = _page(enlist, stride)
        if page.next_cursor is None:
            break
        left -= stride.limit
        stride = replace(stride, cursor=page.next_cursor)
    return replace(view, cursor=stride.cursor)


def _export(enlist: Enlist) -> report.Aim:
    """How much the process grows while all enrollments are taken away, from the first tenth on."""
    view, taken, before = ExportEnrollments(limit=500), 0, 0.0
    while True:
        page = _page(enlist, view)
        lines(page.items, enlist.clock())
        taken += len(page.items)
        if not before and taken >= ROWS / 10:
            before = memory_of_pid(os.getpid())
        if page.next_cursor is None:
            break
        view = replace(view, cursor=page.next_cursor)
    name = f"export of {taken:,} enrollments: growth in MiB"
    return report.at_most(name, memory_of_pid(os.getpid()) - before, GROWTH)


def _beside(enlist: Enlist) -> Iterator[tuple[str, Any]]:
    """Every other order and filter, what contains a text, and the pages that count."""
    values: Mapping[str, Sequence[str]] = {
        "platform": ("linux", "ios"),
        "ownership": ("none", "shared"),
        "device_state": ("enrolled", "blocked"),
        "grant": ("registration_token", "passcode"),
        "token_status": ("active", "in_progress"),
        "token_type": ("single_factor", "two_factor"),
        "source": ("command_line", "import"),
        "first_seen": ("never", "day", "earlier"),
        "message_state": ("sent", "failed"),
        "user": ("person123@example.com",),
        "role": ("administrator",),
        "kind": ("device.registered", "device.blocked"),
        "actor_kind": ("host", "device"),
        "flag": ("possible_clone",),
        "channel": ("email", "sms"),
    }
    for view in (ListEnrollments, ListDevices, ListUsers, ListEvents, ListMessages):
        listing = LISTINGS[_called(view)]
        for sort in listing.sorts:
            for sign in ("", "-"):
                yield f"{_called(view)} by {sign}{sort}", view(sort=f"{sign}{sort}")
        for name in listing.filters:
            for value in values.get(name, ()):
                yield f"{_called(view)}, {name} {value}", view(filters={name: value})
        yield f'{_called(view)}, nothing: "{NOTHING}"', view(search=NOTHING)
    yield "overview", Overview()
    for text in ("person1234", "sn1234", NOTHING):
        yield f'search everywhere for "{text}"', SearchEverything(text)


def _called(view: type[Listed[Any]]) -> str:
    return view.__name__.removeprefix("List").lower()


def _page(enlist: Enlist, view: Any) -> Page[Any]:
    page = enlist.driver.view(view, enlist.host)
    if not isinstance(page, Page):
        raise RuntimeError(f"refused: {page}")
    return page


def _times(enlist: Enlist, view: Any, tries: int) -> list[float]:
    """Milliseconds of each try, after one that warms up."""
    host, took = enlist.host, []
    for _ in range(tries + 1):
        started = time.perf_counter()
        enlist.driver.view(view, host)
        took.append((time.perf_counter() - started) * 1000)
    return took[1:]


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[-max(1, len(times) // 20) - 1] if len(times) > 1 else times[0]


if __name__ == "__main__":
    sys.exit(on_both(run))
