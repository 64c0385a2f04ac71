"""A bell for answers that go on: it rings when something may be new, be it in another process."""

from __future__ import annotations

import asyncio
import contextlib


class Bell:
    """Rings for all who wait, from any thread.

    Who asks `rung` first, then reads, and then waits for more than that misses nothing.

    Attributes:
        over: the server stops, and nobody shall go on.
    """

    def __init__(self) -> None:
        self._rung = 0
        self.over = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[None]] = set()

    def rung(self) -> int:
        """How often it has rung. On the event loop, which is from now on told of each time."""
        self._loop = asyncio.get_running_loop()
        return self._rung

    def ring(self) -> None:
        """Something may be new."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and all who waited on it
                loop.call_soon_threadsafe(self._wake)

    def stop(self) -> None:
        """The server stops: nobody shall go on. On the event loop."""
        self.over = True
        self._wake()

    async def wait(self, rung: int, seconds: float) -> bool:
        """Whether it has rung more often than that; False after so many seconds."""
        if self.rung() == rung and not self.over:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                await asyncio.wait_for(waiting, seconds)
            except TimeoutError:
                return False
            finally:
                self._waiting.discard(waiting)
        return True

    def _wake(self) -> None:
        self._rung += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
