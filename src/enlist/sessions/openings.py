"""How often a session is opened with each certificate: who does nothing else has to wait.

Every opening and every end is an event of the log, and only devices of ours can make one. A device
that is broken, or in the wrong hands, shall not fill it. Openings are counted by certificate, and
before the store says whether it still counts: whoever holds one that was revoked uses up his own.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

WINDOW: Final = 60.0
"""Seconds in which openings are counted; the window is everybody's."""
OFTEN: Final = 15
"""Times that as many sessions may be opened as a device may hold, within a window."""


class Openings:
    """The openings of this process."""

    def __init__(self, most: int) -> None:
        self._most = most * OFTEN
        self._counted = Counter[str]()
        self._ends = 0.0

    def wait(self, serial: str, now: float) -> int | None:
        """Count an opening with a certificate; seconds to wait instead, None for none."""
        if now >= self._ends:
            self._counted.clear()
            self._ends = now + WINDOW
        if self._counted[serial] >= self._most:
            return int(self._ends - now) + 1
        self._counted[serial] += 1
        return None
