"""The socket of an open session: WebSocket frames and nothing else (RFC 6455).

It takes the place of the HTTP connection that a session began as, and of the task that served it:
ten thousand idle sessions are ten thousand of these, and no more. A device sends nothing but
answers to pings; whatever else it says is a sign of life and is thrown away.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import MutableSet
from typing import Any, Final, Protocol

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.utilities import ProtocolError

from enlist.core.sessions import Ending

CLOSE_CODES: Final = {
    Ending.CREDENTIAL_REVOKED: 4401,
    Ending.CREDENTIAL_EXPIRED: 4401,
    Ending.DEVICE_BLOCKED: 4403,
    Ending.DISCONNECTED: 4000,
    Ending.REPLACED: 4001,
    Ending.IDLE: 4002,
    Ending.TOO_OLD: 4003,
    Ending.TOO_SLOW: 4004,
    Ending.MALFORMED: 1002,
    Ending.UNCHECKED: 1013,
    Ending.SERVER_STOPPING: 1012,
}
"""What a device is told by number; the reason beside it is the ending's word."""
LONGEST_MESSAGE: Final = 4096
"""Bytes of a message from a device; nothing that it may say is longer."""
MOST_UNSENT: Final = 4096
"""Bytes that wait for a device that does not read; whoever lets more wait is cut off."""
MOST_BETWEEN_PINGS: Final = 16_384
"""Bytes that a device may send from one ping to the next. Who sends more is not listened to: one
that floods would keep the process busy with itself, and all others waiting."""
_PING: Final = Connection(ConnectionType.SERVER).send(Ping(payload=b""))


@functools.cache
def _close(ending: Ending) -> bytes:
    """The close frame: the same bytes for everybody whose session ends so, and made once, as ten
    thousand may end in the same moment."""
    told = CloseConnection(CLOSE_CODES.get(ending, 1000), ending.value)
    return Connection(ConnectionType.SERVER).send(told)


class Owner(Protocol):
    """Who is told what happens on a socket."""

    def heard(self) -> None: ...
    def went(self, ending: Ending) -> None: ...


class DeviceSocket(asyncio.Protocol):
    """One open session's connection.

    Args:
        among: the server's connections, which are told when it stops.
    """

    __slots__ = ("_among", "_frames", "_open", "_owner", "_received", "_size", "_transport")

    def __init__(
        self, transport: asyncio.Transport, owner: Owner, among: MutableSet[Any] | None = None
    ) -> None:
        self._transport = transport
        self._owner = owner
        self._among: MutableSet[Any] = set() if among is None else among
        self._frames = Connection(ConnectionType.SERVER)
        self._size = self._received = 0
        self._open = True
        transport.set_write_buffer_limits(high=MOST_UNSENT)
        self._among.add(self)

    def say(self, message: dict[str, object]) -> None:
        """Send a message."""
        self._transport.write(self._frames.send(TextMessage(json.dumps(message))))

    # --- what the session does with its line ----------------------------------------------

    def ping(self) -> None:
        self._received = 0
        if self._open and not self._transport.is_closing():
            self._transport.write(_PING)

    def close(self, ending: Ending) -> None:
        if not self._open:
            return
        self._open = False
        if not self._transport.is_closing():
            if self._frames.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
                self._transport.write(_close(ending))
            self._transport.close()

    def cut(self) -> None:
        self._transport.abort()

    def shutdown(self) -> None:
        """The server stops: uvicorn says so to each of its connections."""
        self._end(Ending.SERVER_STOPPING)

    # --- what the transport tells ---------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if not self._open:
            return
        self._received += len(data)
        if self._received > MOST_BETWEEN_PINGS:
            self._end(Ending.MALFORMED)
            return
        try:
            self._frames.receive_data(data)
            for event in self._frames.events():
                if self._open:
                    self._handle(event)
        except ProtocolError:
            self._end(Ending.MALFORMED)
            return
        self._owner.heard()

    def _handle(self, event: object) -> None:
        match event:
            case Ping():
                self._transport.write(self._frames.send(Pong(bytes(event.payload))))
            case TextMessage() | BytesMessage():
                self._size += len(event.data)
                if self._size > LONGEST_MESSAGE:
                    self._end(Ending.MALFORMED)
                elif event.message_finished:
                    self._size = 0
            case CloseConnection():
                left = self._frames.state is ConnectionState.REMOTE_CLOSING
                self._end(Ending.LEFT if left else Ending.MALFORMED)

    def pause_writing(self) -> None:
        self._end(Ending.TOO_SLOW)

    def connection_lost(self, exc: Exception | None) -> None:
        self._among.discard(self)
        self._end(Ending.LEFT if exc is None else Ending.LOST)

    def _end(self, ending: Ending) -> None:
        if self._open:
            self._owner.went(ending)
            self.close(ending)
