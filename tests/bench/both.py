"""One measurement on both stores, each in a folder and with a database of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.peers.postgres import cluster

Run = Callable[[Path, str, str], bool]
"""Measures in a folder, on a database ("" for SQLite), by the name of the store; were aims met?"""


def on_both(run: Run) -> int:
    """The exit code: 1 where an aim is missed. No PostgreSQL runs beside SQLite's turn."""
    kept = []
    for store in ("SQLite", "PostgreSQL"):
        running = cluster(durable=True) if store == "PostgreSQL" else None
        try:
            with tempfile.TemporaryDirectory(prefix="enlist-bench-") as folder:
                database = running.create_database() if running else ""
                kept.append(run(Path(folder), database, store))
        finally:
            if running:
                running.stop()
    return 0 if all(kept) else 1
