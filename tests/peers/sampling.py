"""Running the sample of tests that need peers, in a pytest of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SAMPLE = "tests/peers/samples/each_peer.py"


def command(*arguments: str) -> list[str]:
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "-rsfE"]
    return [sys.executable, "-m", "pytest", *options, SAMPLE, *arguments]


def environment_of(more: dict[str, str]) -> dict[str, str]:
    ours = {"CI", "ENLIST_PEERS", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_DEBUG_TEMPROOT"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, **more}
