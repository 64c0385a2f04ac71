"""Caddy: a proxy of the guide to proxies, as it stands there."""

from __future__ import annotations

from pathlib import Path

from tests.peers.base import Missing, Program, dotted, find_program, lacking, version_of

NAME = "caddy"
PACKAGES = ("caddy",)
MIN_VERSION = (2, 6)
NEEDS_ROOT = False


def probe() -> Missing | None:
    return lacking("caddy", PACKAGES[0], minimum=MIN_VERSION, version=("version",))


def start(folder: Path) -> Program:
    """Nothing to start yet: a test brings its own configuration."""
    path = find_program("caddy") or NAME
    return Program(path, dotted(version_of([path, "version"])))
