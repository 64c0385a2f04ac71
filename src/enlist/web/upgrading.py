"""Connections that become WebSockets, and are handed over once their session is open.

uvicorn's protocol does the handshake; the application then takes the bare transport, and neither
task nor request is kept for a session that may last for a day. This leans on a few names of
uvicorn's and wsproto's; tests over real sockets say when one of them changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableSet
from typing import Any, Final

from starlette.types import Scope
from starlette.websockets import WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto import events

MOST_SAID: Final = 16 * 1024
"""Bytes of a message before the session is open: a certificate and a signature."""
MOST_BEFORE: Final = 4 * MOST_SAID
"""Bytes of everything before the session is open, its request included. Each ping is answered, and
the answers that a client does not read are kept for it."""
LEAVE_WITHIN: Final = 1.0
"""Seconds that a client has to go once it was refused: TLS would wait for it for half a minute."""
ADOPT: Final = "enlist.adopt"
"""The scope's extension by which an application takes the transport."""

GONE: Final = (WebSocketDisconnect, ClientDisconnected)
"""How an application learns, from whatever it was about to do, that the client has gone."""

Adopted = Callable[[asyncio.Transport, MutableSet[Any]], asyncio.Protocol]


class _HandedOver:
    """What is left to uvicorn of a transport: it may go on closing it."""

    def close(self) -> None:
        """It is somebody else's now."""


class Upgrading(WSProtocol):
    """A connection between its handshake and its session.

    Its scope carries the proven client certificate, as for any request (`connections`).
    """

    scope: Any
    transport: Any
    _came: int = 0

    def data_received(self, data: bytes) -> None:
        self._came += len(data)
        if self._came > MOST_BEFORE:
            self.transport.abort()
        else:
            super().data_received(data)

    def handle_connect(self, event: events.Request) -> None:
        super().handle_connect(event)
        tls = self.transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls is not None else None
        extensions = self.scope["extensions"]
        extensions["tls"] = {"client_certificate": der}
        extensions[ADOPT] = self._adopt

    def _adopt(self, make: Adopted) -> None:
        """Hand the transport over; must follow the answer to the handshake without a pause.

        Raises:
            ClientDisconnected: the client has gone, and nothing was handed over.
        """
        if self.transport.is_closing():
            raise ClientDisconnected
        transport, self.transport = self.transport, _HandedOver()
        connections: Any = self.connections
        connections.discard(self)
        transport.set_protocol(make(transport, connections))
        transport.resume_reading()

    async def run_asgi(self) -> None:
        transport = self.transport
        await super().run_asgi()
        # Else this would wait for the collector of garbage, with all that it holds.
        del self.scope["extensions"][ADOPT]
        if self.transport is transport:
            self.loop.call_later(LEAVE_WITHIN, transport.abort)


def adopt(scope: Scope, make: Adopted) -> None:
    """Take the transport of an accepted WebSocket away from the server."""
    scope["extensions"][ADOPT](make)
