"""A lock that one process holds at a time; the system takes it from whoever ends, however he ends.

The file only stands for the lock: it is empty, and stays.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from enlist_agent.client import Patience

PAUSE: Final = 0.1
"""Seconds between two looks at a lock that somebody else holds."""

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, patience: Patience) -> Iterator[bool]:
    """Hold a file's lock; False where somebody else held it for as long as there was patience.

    Where a file system knows no locks, nobody is kept out.

    Raises:
        OSError: there is no such file, and none can be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _taken(descriptor, patience)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, patience: Patience) -> bool:
    deadline = patience.clock() + patience.seconds
    while True:
        try:
            _take(descriptor)
        except (BlockingIOError, PermissionError):  # on Windows it is the latter
            if patience.clock() >= deadline:
                return False
            patience.sleep(PAUSE)
        except OSError:
            return True
        else:
            return True
