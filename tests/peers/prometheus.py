"""Prometheus and its promtool: what reads our metrics, our alerts and our dashboard."""

from __future__ import annotations

from pathlib import Path

from tests.peers.base import Missing, Program, dotted, find_program, lacking, version_of

NAME = "prometheus"
PACKAGES = ("prometheus",)
MIN_VERSION = (2, 24)
NEEDS_ROOT = False


def probe() -> Missing | None:
    """Both programs are of one package."""
    return lacking("promtool", PACKAGES[0]) or lacking(NAME, PACKAGES[0], minimum=MIN_VERSION)


def start(folder: Path) -> Program:
    """Nothing to start yet: a test brings its own server to scrape."""
    path = find_program(NAME) or NAME
    return Program(path, dotted(version_of([path, "--version"])))
