"""wrk: load over loopback from a process of its own."""

from __future__ import annotations

from pathlib import Path

from tests.peers.base import Missing, Program, dotted, find_program, lacking, version_of

NAME = "wrk"
PACKAGES = ("wrk",)
MIN_VERSION = (4, 1)
NEEDS_ROOT = False


def probe() -> Missing | None:
    return lacking("wrk", PACKAGES[0], minimum=MIN_VERSION)


def start(folder: Path) -> Program:
    path = find_program("wrk") or NAME
    return Program(path, dotted(version_of([path, "--version"])))
