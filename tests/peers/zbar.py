"""zbar: a second reader of QR codes, of another make than the one in the test environment."""

from __future__ import annotations

from pathlib import Path

from tests.peers.base import Missing, Program, dotted, find_program, lacking, version_of

NAME = "zbar"
PACKAGES = ("zbar-tools",)
MIN_VERSION = (0, 23)
NEEDS_ROOT = False


def probe() -> Missing | None:
    return lacking("zbarimg", "zbar-tools", minimum=MIN_VERSION)


def start(folder: Path) -> Program:
    path = find_program("zbarimg") or "zbarimg"
    return Program(path, dotted(version_of([path, "--version"])))
