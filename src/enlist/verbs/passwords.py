"""Passwords: Argon2id, and never more at once than the machine has cores (S45).

Hashing is memory-hard on purpose, so a flood of sign-ins could fill memory and starve everything
else. At most `cores` hashes run; a few more may wait; beyond that the caller is told to try later.
"""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from enlist.core.secrets import Secret, random_secret

SHORTEST: Final = 12
"""Characters that a password must have at least."""

LONGEST: Final = 256

_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD of malloc.h
_LARGE: Final = 1 << 20


class Busy(Exception):
    """Too many passwords are being checked right now."""


class Passwords:
    """Hashes and checks passwords with Argon2id, 19 MiB, two passes, one lane."""

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2, slots: int = 0) -> None:
        _give_memory_back()
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        cores = slots or os.cpu_count() or 1
        self._running = threading.BoundedSemaphore(cores)
        self._waiting = threading.BoundedSemaphore(cores * 16)
        self._decoy = self._hasher.hash(random_secret().reveal())

    def hash(self, password: Secret) -> str:
        """The hash to store.

        Raises:
            Busy: too many are waiting.
        """
        with self._slot():
            return self._hasher.hash(password.reveal())

    def verify(self, stored: str | None, password: Secret) -> bool:
        """Whether the password fits; the same work is done where there is none to fit.

        Raises:
            Busy: too many are waiting.
        """
        with self._slot():
            try:
                fits = self._hasher.verify(stored or self._decoy, password.reveal()[:LONGEST])
            except (VerificationError, InvalidHashError):
                return False
        return fits if stored is not None else False

    def outdated(self, stored: str) -> bool:
        """Whether a hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _slot(self) -> _Slot:
        return _Slot(self._running, self._waiting)


class _Slot:
    """A place among those that may hash now; few may wait for one."""

    def __init__(
        self, running: threading.BoundedSemaphore, waiting: threading.BoundedSemaphore
    ) -> None:
        self._running = running
        self._waiting = waiting

    def __enter__(self) -> None:
        if not self._waiting.acquire(blocking=False):
            raise Busy
        self._running.acquire()

    def __exit__(self, *_: object) -> None:
        self._running.release()
        self._waiting.release()


def _give_memory_back() -> None:
    """Let glibc return large blocks to the system as soon as they are free.

    Else each thread that ever computed a hash keeps 19 MiB, however few compute one at once.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
