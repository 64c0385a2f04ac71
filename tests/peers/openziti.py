"""OpenZiti's Python client as PyPI has it, unmodified, in an environment of its own.

It is a wheel around a native library, so it is kept out of the environment that the tests run in.
Later releases have no wheel: the version is pinned, with its hash, in `openziti.txt`.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tests.peers.base import Missing, Program, dotted

NAME = "openziti"
PACKAGES: tuple[str, ...] = ()
MIN_VERSION = (0, 6)
NEEDS_ROOT = False

ENVIRONMENT = Path(__file__).parents[2] / ".venv" / "peers" / NAME
PINNED = Path(__file__).with_suffix(".txt")


def probe() -> Missing | None:
    if platform.machine() != "x86_64" or sys.platform != "linux":
        return Missing("its wheel is for Linux on x86_64 alone")
    if _version() < MIN_VERSION:
        return Missing("no Python library openziti (python -m tests.peers.install)")
    return None


def start(folder: Path) -> Program:
    return Program(str(ENVIRONMENT / "bin" / "python"), dotted(_version()))


def install() -> bool:
    """Make its environment; whether it worked."""
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(ENVIRONMENT / "bin" / "pip"), "install", "-q", "--disable-pip-version-check"]
    command = [*pip, "--only-binary", ":all:", "--require-hashes", "-r", str(PINNED)]
    return subprocess.run(command, check=False).returncode == 0


def _version() -> tuple[int, ...]:
    for found in ENVIRONMENT.glob("lib/python*/site-packages/openziti-*.dist-info"):
        numbers = re.findall(r"\d+", found.name.removesuffix(".dist-info"))
        return tuple(int(number) for number in numbers)
    return ()
