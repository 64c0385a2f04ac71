"""How long a page of a list of 100,000 enrollments takes (X29), from the store, by each order."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from enlist.store import enrollment_status
from enlist.store.listing import PageRequest
from tests.installation import Enlist, SettableClock, opened_on, settings_for
from tests.store.many import multiply, pages
from tests.store.raw import opened

LONGEST: Final = 200.0
"""Milliseconds that a page may take."""


def run(folder: Path, database: str, store: str) -> bool:
    """Measure and print; whether every page came in time."""
    settings = settings_for(folder / "data", database)
    enlist = opened_on(settings, SettableClock())
    try:
        with opened(settings) as raw:
            multiply(enlist, raw)
        found = {name: _best(enlist, request) for name, request in pages(enlist).items()}
    finally:
        enlist.close()
    table = Table(f"page of 100,000 enrollments ({store})", "ms")
    for name, took in found.items():
        table.add_row(name, f"{took:.1f}")
    Console(width=120).print(table)
    return max(found.values()) < LONGEST


def _best(enlist: Enlist, request: PageRequest, tries: int = 5) -> float:
    """Milliseconds of the quickest of some tries: the others were disturbed."""
    best = float("inf")
    for _ in range(tries):
        started = time.perf_counter()
        enlist.store.read(partial(enrollment_status.page, request=request))
        best = min(best, (time.perf_counter() - started) * 1000)
    return best
