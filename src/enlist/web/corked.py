"""A transport that sends in one piece what is written to it in one turn of the loop.

uvicorn writes the head of an answer and its body one after the other, and each write of uvloop's is
a call of the system, a packet, and over TLS a record. An answer in one piece costs one of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

MOST: Final = 16 * 1024
"""Bytes that are held back. More are sent at once, for only then does the transport notice that its
reader is slow, and pause whoever writes."""


class Corked:
    """Holds back what is written until the loop's next turn; all else is the transport's own.

    Args:
        closing: is told when it closes: what is left has to leave first.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        closing: Callable[[], None] | None = None,
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._closing = closing
        self.is_closing = transport.is_closing  # asked for with each request
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send it soon, behind what was written before."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        self._size += len(data)
        if self._size > MOST:
            self._send()

    def close(self) -> None:
        """Send what is held back, then close."""
        self._send()
        if self._closing is not None:
            self._closing()
        self._transport.close()

    def lost(self) -> None:
        """Forget whom to tell: both would keep each other, and all that the connection has read."""
        self._closing = None

    def bare(self) -> asyncio.Transport:
        """The transport itself, with nothing held back: for whoever takes it over."""
        self._send()
        return self._transport

    def _send(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
