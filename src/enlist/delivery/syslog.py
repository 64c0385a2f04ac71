"""Events as syslog messages (RFC 5424) with octet counting, over TLS (RFC 5425) or, near by, TCP.

Syslog has no answer that says a message was taken. What is known is that the receiver's machine has
confirmed every byte, and that the connection is still there a moment later; a position counts as
told once both are so. What was in between when a connection broke is told again.
"""

from __future__ import annotations

import fcntl
import json
import select
import socket
import ssl
import struct
import termios
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from enlist.core.clock import rfc3339
from enlist.store.feed import SealedEvent
from enlist.verbs import documents

PATIENCE: Final = 10.0
"""Seconds for connecting, and for each batch."""
SETTLED: Final = 2.0
"""Seconds that a connection must still be there after what it carried."""
SD_ID: Final = "enlist@32473"
"""Name of the structured data: with the number that RFC 5612 keeps for examples, as Enlist has none
of its own."""
PARAMETERS: Final = {
    "version": "Of this form, as in the form in JSON.",
    "seq": "Place in the sealed log, from 0 on, without gaps.",
    "id": "UUIDv7; the same each time that the event is told.",
    "organization": "Group ID of the organization.",
    "stage": "Which stage of its enrollment it marks; left out for none.",
    "user_id": "Id of the user it is about; left out for none.",
    "device_id": "Id of the device it is about; left out for none.",
    "enrollment_id": "Id of the enrollment it is about; left out for none.",
    "support_code": "What whoever was refused was shown; left out for none.",
}
"""What the structured data hold; a test compares them with what is sent."""

_FACILITY: Final = 13
"""Log audit (RFC 5424 section 6.2.1)."""
_NOTICE, _WARNING = 5, 4


def message_of(found: SealedEvent, host: str, *, personal: bool = True) -> bytes:
    """A whole syslog message; its text is the event as JSON, its MSGID the kind."""
    told: dict[str, Any] = documents.sealed_event(found)
    told["at"] = moment = rfc3339(told["at"])
    if not personal:
        told.pop("personal")
    severity = _WARNING if found.event.kind.endswith(".refused") else _NOTICE
    values = {name: told[name] for name in PARAMETERS if told[name] not in ("", None)}
    data = " ".join(f'{name}="{_parameter(str(value))}"' for name, value in values.items())
    head = f"<{_FACILITY * 8 + severity}>1 {moment} {host} enlist - {found.event.kind[:32]} "
    return f"{head}[{SD_ID} {data}] ".encode() + json.dumps(told).encode()


def frame(message: bytes) -> bytes:
    """As RFC 5425 section 4.3 has it: the number of bytes, a space, and these."""
    return b"%d %b" % (len(message), message)


def _parameter(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a receiver is, and how he is spoken to."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, address: str) -> Place:
        """What `tls://siem.example.com:6514` says."""
        parts = urlsplit(address)
        return cls(parts.hostname or "", parts.port or 0, parts.scheme == "tls")


class Syslog:
    """A receiver. Used by one thread.

    Args:
        ca_file: who signed his certificate; the system's authorities where it is None.
        client: certificate and key to show him.

    Raises:
        OSError: a file cannot be read (ssl.SSLError is one).
    """

    def __init__(
        self, place: Place, ca_file: Path | None = None, client: tuple[Path, Path] | None = None
    ) -> None:
        self._place = place
        self._context: ssl.SSLContext | None = None
        if place.tls:
            self._context = ssl.create_default_context(cafile=ca_file)
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
            if client is not None:
                self._context.load_cert_chain(*client)
        self._connection: socket.socket | None = None
        self._sent: deque[tuple[float, int]] = deque()

    def connect(self) -> socket.socket:
        """The connection, opened where there is none.

        Raises:
            OSError: he is not there, or not who he should be.
        """
        if self._connection is not None:
            return self._connection
        plain = socket.create_connection((self._place.host, self._place.port), PATIENCE)
        try:
            made = plain
            if self._context is not None:
                made = self._context.wrap_socket(plain, server_hostname=self._place.host)
        except BaseException:
            plain.close()
            raise
        self._connection = made
        return made

    def send(self, frames: bytes, last: int) -> None:
        """Send messages, the last of which has this place in the log.

        Raises:
            OSError: they, and what had not settled, must be sent again.
        """
        connection = self.connect()
        connection.settimeout(PATIENCE)
        connection.sendall(frames)
        self._sent.append((time.monotonic(), last))

    def settled(self) -> int | None:
        """The place up to which everything was told by now; None where nothing new is.

        Raises:
            OSError: the connection is gone, and what had not settled with it.
        """
        if self._connection is None:
            return None
        self._still_there(self._connection)
        found = None
        if not _unconfirmed(self._connection):
            until = time.monotonic() - SETTLED
            while self._sent and self._sent[0][0] <= until:
                found = self._sent.popleft()[1]
        return found

    @property
    def unsettled(self) -> bool:
        """Whether something was sent of which it is not known yet."""
        return bool(self._sent)

    def close(self) -> None:
        """Let go of the connection; what had not settled is to be sent again."""
        self._sent.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _still_there(self, connection: socket.socket) -> None:
        """A receiver says nothing; what can be read of him is that he has gone."""
        if select.select([connection], [], [], 0)[0]:
            connection.setblocking(False)
            try:
                if not connection.recv(4096):
                    raise ConnectionResetError("the receiver closed the connection")
            except (ssl.SSLWantReadError, BlockingIOError):
                pass  # a record of TLS itself, such as a session ticket
            finally:
                connection.settimeout(PATIENCE)


def _unconfirmed(connection: socket.socket) -> int:
    """Bytes that the receiver's machine has not confirmed (SIOCOUTQ)."""
    asked = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", asked)[0])
