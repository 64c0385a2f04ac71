"""A thread that does one thing again and again beside the requests, until it is stopped."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Final

import structlog

_STOP_WITHIN: Final = 10.0
_AFTER_FAULT: Final = 5.0
_log = structlog.get_logger("enlist.background")


class Background(ABC):
    """What every such thread has: a beginning, an end, and that no error ends it unnoticed.

    Args:
        name: of the thread.
        first: seconds to wait before the first time.
    """

    def __init__(self, name: str, *, first: float) -> None:
        self._first = first
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; once in its life."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is under way."""
        self._stopping.set()
        self._thread.join(_STOP_WITHIN)

    @abstractmethod
    def _again(self) -> float:
        """Do it; answers how many seconds to rest."""

    def _last(self) -> None:  # noqa: B027 - most have nothing left
        """What is left to do at the end."""

    def _run(self) -> None:
        rest = self._first
        while not self._stopping.wait(rest):
            try:
                rest = self._again()
            except Exception:  # noqa: BLE001 - a thread that ends unnoticed would be worse
                rest = _AFTER_FAULT
                _log.exception("background work failed", thread=self._thread.name)
        self._last()
