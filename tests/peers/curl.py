"""curl, jq and openssl: what the guides tell people to type."""

from __future__ import annotations

from pathlib import Path

from tests.peers.base import Missing, Program, dotted, find_program, lacking, version_of

NAME = "curl"
PACKAGES = ("curl", "jq", "openssl")
MIN_VERSION = (7, 76)
NEEDS_ROOT = False


def probe() -> Missing | None:
    return lacking("curl", "curl", minimum=MIN_VERSION) or next(
        filter(None, (lacking(program, program) for program in ("jq", "openssl"))), None
    )


def start(folder: Path) -> Program:
    path = find_program("curl") or NAME
    return Program(path, dotted(version_of([path, "--version"])))
