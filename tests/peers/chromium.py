"""Debian's Chromium, driven by Playwright without a browser download of its own."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from tests.peers.base import Missing, Program, dotted, find_program, lacking, version_of

NAME = "chromium"
PACKAGES = ("chromium", "fonts-dejavu-core", "libatomic1")
MIN_VERSION = (120,)
NEEDS_ROOT = False

# Without these, Chromium calls home at every start; on a closed network that is only delay.
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def arguments() -> list[str]:
    """The flags to launch it with; root cannot use the sandbox."""
    return [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def probe() -> Missing | None:
    # The Node.js inside Playwright is linked to it, and says so only when it is started.
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        return Missing("no library libatomic.so.1 (Debian package libatomic1)")
    return lacking("chromium", PACKAGES[0], minimum=MIN_VERSION)


def start(folder: Path) -> Program:
    """Nothing to start yet: the fixture `browser` launches the program through Playwright."""
    path = find_program("chromium") or NAME
    return Program(path, dotted(version_of([path, "--version"])))
