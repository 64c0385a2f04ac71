"""A device session: a WebSocket at `/session` that stays open while the device may be connected.

The server pings and the device answers; the rest is waiting for the end, whose reason the server
names (docs/reference/device-sessions.md). Where TLS ends at a proxy, the server never sees the
certificate, and the device signs what the server asks it to.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import httpcore2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import ProtocolError

from enlist_agent.client import LONGEST_TRY, Server, Stream, Upgraded
from enlist_agent.outcomes import Refusal, UnreachableError
from enlist_agent.secret import printable
from enlist_agent.state import CERTIFICATE, StateDirectory

PURPOSE: Final = "Enlist device session"
MISSED: Final = 3
"""Heartbeats without a word after which a server is gone, whatever TCP believes."""
LOST: Final = "connection_lost"
_ACCEPTS: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LONGEST_MESSAGE: Final = 65_536
_BROKEN: Final = (httpcore2.NetworkError, httpcore2.TimeoutException, ProtocolError)


@dataclass(frozen=True, slots=True)
class Ended:
    """The server ended a session, or the connection broke.

    Attributes:
        reason: its word for why, `connection_lost` where there was none.
        refused: coming back with the same certificate is refused, or was refused just now.
    """

    reason: str
    refused: bool = False


class Session:
    """An open session."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._frames = Connection(ConnectionType.CLIENT)
        self._waiting: list[Event] = []
        self.id = ""
        self.heartbeat = 15.0

    def open(self, prove: Callable[[str], dict[str, str]]) -> Ended | None:
        """Wait until the server says that the session is open; None when it is.

        Args:
            prove: answers a challenge, where the server asks one.
        """
        said = self._said()
        if not isinstance(said, Ended) and said.get("type") == "challenge":
            self._send(TextMessage(json.dumps(prove(str(said.get("nonce"))))))
            said = self._said()
        if isinstance(said, Ended):
            return said
        self.id = printable(said.get("session") or "")
        heartbeat = said.get("heartbeat")
        if isinstance(heartbeat, int | float) and 0 < heartbeat <= 3600:
            self.heartbeat = float(heartbeat)
        return None

    def keep(self, enough: Callable[[], bool]) -> Ended | None:
        """Answer pings until the session ends; None when it was `enough`, asked at each ping."""
        while not enough():
            event = self._next(self.heartbeat * MISSED)
            if isinstance(event, Ended):
                return event
        return None

    def leave(self) -> None:
        """Say that the device goes, if anybody hears it."""
        if self._frames.state is ConnectionState.OPEN:
            with suppress(*_BROKEN):
                self._send(CloseConnection(1000))

    def _said(self) -> dict[str, Any] | Ended:
        text = ""
        while True:
            event = self._next(LONGEST_TRY)
            if isinstance(event, Ended):
                return event
            if isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    break
            if len(text) > _LONGEST_MESSAGE:
                return Ended("malformed")
        with suppress(ValueError, RecursionError):
            said = json.loads(text)
            if isinstance(said, dict):
                return said
        return Ended("malformed")

    def _next(self, patience: float) -> Event | Ended:
        """What comes next; a ping is answered on the way."""
        try:
            while not self._waiting:
                data = self._stream.read(4096, patience)
                self._frames.receive_data(data or None)
                self._waiting = list(self._frames.events())
                if not data and not self._waiting:
                    return Ended(LOST)
            event = self._waiting.pop(0)
            if isinstance(event, Ping):
                self._send(event.response())
            if isinstance(event, CloseConnection):
                with suppress(*_BROKEN):
                    self._send(event.response())
                refused = event.code in (4401, 4403)
                return Ended(printable(event.reason or "") or LOST, refused)
        except _BROKEN:
            return Ended(LOST)
        return event

    def _send(self, event: Event) -> None:
        self._stream.write(self._frames.send(event), LONGEST_TRY)


@contextmanager
def connected(server: Server, folder: StateDirectory) -> Iterator[Session | Refusal | Ended]:
    """A session that is open, or why there is none. It is left at the end.

    Raises:
        UnreachableError: nobody that can be trusted was there.
    """
    key = base64.b64encode(secrets.token_bytes(16))
    headers = {
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key.decode(),
    }
    with server.upgraded("/session", headers) as answer:
        if isinstance(answer, Refusal):
            yield answer
            return
        _check(server, key, answer)
        session = Session(answer.stream)
        ended = session.open(lambda nonce: _proof(folder, server.address, nonce))
        try:
            yield ended or session
        finally:
            session.leave()


def _check(server: Server, key: bytes, answer: Upgraded) -> None:
    """Whoever answers has read this very handshake (RFC 6455 section 4.1)."""
    digest = hashlib.sha1(key + _ACCEPTS, usedforsecurity=False).digest()
    if answer.headers.get("Sec-WebSocket-Accept", "") != base64.b64encode(digest).decode():
        raise UnreachableError(f"{server.address} does not speak WebSocket as it should.")


def _proof(folder: StateDirectory, server: str, nonce: str) -> dict[str, str]:
    """That this device holds its key, for this server alone."""
    signed = "\n".join((PURPOSE, server, nonce)).encode()
    signature = folder.key().sign(signed, ec.ECDSA(SHA256()))
    return {
        "certificate": folder.text(CERTIFICATE) or "",
        "server": server,
        "signature": base64.b64encode(signature).decode(),
    }
