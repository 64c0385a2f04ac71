"""Where several workers keep their counts, so that a scrape of one tells of all (`web.metrics`)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_HELD: Final[list[int]] = []
"""Locks of this process, which end with it and with the workers that it forks."""


def share_counts(data: Path) -> None:
    """Give all workers one folder, before the library that counts is loaded.

    Each server has a folder of its own: one that is started by mistake beside another, or beside
    it on purpose, must not take away what that has counted. What dead servers left is removed.
    """
    shared = data / "metrics"
    shared.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Else another that starts now takes the new folder, which nobody holds yet, for a dead one's.
    alone = os.open(shared, os.O_RDONLY)
    try:
        fcntl.flock(alone, fcntl.LOCK_EX)
        _remove_what_is_left(shared)
        folder = Path(tempfile.mkdtemp(dir=shared))
        _HELD.append(_lock(folder))
    finally:
        os.close(alone)
    # `web.metrics` knows the name as `SHARED`, but importing that would load the library.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _remove_what_is_left(shared: Path) -> None:
    for left in shared.iterdir():
        if left.is_dir():
            with contextlib.suppress(BlockingIOError):
                os.close(_lock(left))
                shutil.rmtree(left, ignore_errors=True)
        elif left.suffix == ".db":  # of a version that had no folder for each server
            left.unlink(missing_ok=True)


def _lock(folder: Path) -> int:
    """Hold a folder as long as the descriptor is open, here or in a child.

    Raises:
        BlockingIOError: somebody else does.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor
