"""How many more enrollments may be live: a brake on a stolen key that issues without end.

Counting them takes as long as there are many, so the count is kept for a moment and used up by
what this process issues; nobody is refused before it was counted anew. Other processes issue
beside it: the brake is no exact number.
"""

from __future__ import annotations

import threading
from typing import Final

from enlist.core.clock import SECOND
from enlist.store import enrollment_status
from enlist.store.tx import Reader

_TRUSTED: Final = 10 * SECOND
"""How long a count is believed."""


class Room:
    """What is left of the enrollments that may be live in an installation (ruling 17)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._left = 0
        self._counted_at = 0

    @property
    def most(self) -> int:
        """How many may be live at a time."""
        return self._most

    def take(self, tx: Reader) -> bool:
        """Take one place; False where none is left."""
        with self._lock:
            if self._left > 0 and abs(tx.now - self._counted_at) < _TRUSTED:
                self._left -= 1
                return True
        left = self._most - enrollment_status.live(tx, self._most)
        with self._lock:
            self._left, self._counted_at = left - 1, tx.now
        return left > 0
