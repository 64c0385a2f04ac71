"""How often each device opens a session: one that does nothing else has to wait.

Every opening and every end is an event of the log, and only devices of ours can make one. A device
that is broken, or in the wrong hands, shall not fill it.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from enlist.core.ids import Id

WINDOW: Final = 60.0
"""Seconds in which openings are counted; the window is everybody's."""
OFTEN: Final = 15
"""Times that a device may open as many sessions as it may hold, within a window."""


class Openings:
    """The openings of this process."""

    def __init__(self, most: int) -> None:
        self._most = most * OFTEN
        self._counted = Counter[Id]()
        self._ends = 0.0

    def wait(self, device_id: Id, now: float) -> int | None:
        """Count an opening; seconds that the device must wait instead, None where it need not."""
        if now >= self._ends:
            self._counted.clear()
            self._ends = now + WINDOW
        if self._counted[device_id] >= self._most:
            return int(self._ends - now) + 1
        self._counted[device_id] += 1
        return None
