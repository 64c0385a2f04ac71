"""A device that stays connected: a real WebSocket client, with its certificate or by signature.

with connected(server, credentials) as device:
    device.opened()            # {"type": "open", ...}
    device.ended()             # (4401, "credential_revoked")
"""

from __future__ import annotations

import base64
import contextlib
import json
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from tests.peers.base import DEADLINE
from tests.requests import device_key, request_pem
from tests.serving import Server

_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
PATIENCE = DEADLINE
"""Seconds to wait for what must come; never how quickly it comes."""
FORBEARING = """
from enlist import wiring
from enlist.sessions import keeper
keeper._MISSED = 1000
wiring.main()
"""
"""A server that gives up no silent device: one whose machine is busy may miss three heartbeats."""
WITHOUT_HEARTBEAT = f"""
from enlist.sessions.keeper import Rhythm
from enlist.wiring import server
server._rhythm = lambda settings: Rhythm(heartbeat=10_000, lease=10_000)
{FORBEARING}
"""
"""A server whose sessions have no second heartbeat: whatever ends one, it was told."""


@dataclass(frozen=True)
class Credentials:
    """What a device got when it enrolled."""

    device_id: str
    chain: str
    key: ec.EllipticCurvePrivateKey
    folder: Path

    @property
    def files(self) -> tuple[Path, Path]:
        """Certificate and key, as TLS clients take them."""
        certificate, key = self.folder / "device.pem", self.folder / "device.key"
        if not key.exists():
            self.folder.mkdir(exist_ok=True)
            certificate.write_text(self.chain)
            key.write_bytes(
                self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            )
        return certificate, key

    @property
    def certificate(self) -> str:
        return self.chain[: self.chain.index("-----END")] + "-----END CERTIFICATE-----\n"


def enroll(server: Server, key: str, folder: Path, number: int = 1) -> Credentials:
    """Register a device with an API key that may see tokens, and enroll it, both over HTTP."""
    body = {
        "user": "root@example.com",
        "name": f"box-{number}",
        "platform": "linux",
        "message": {"type": "none"},
    }
    with server.client(headers={"Authorization": f"Bearer {key}"}) as client:
        made = client.post("/api/v1/devices", json=body)
    assert made.status_code == 201, made.text
    return redeem(server, folder, made.json()["enrollment"]["token"], number)


def redeem(server: Server, folder: Path, token: str, number: int) -> Credentials:
    """Enroll with a token, by the key of this number."""
    body = {
        "token": token,
        "device": {"platform": "linux"},
        "csr": request_pem(number).decode(),
    }
    with server.client() as client:
        answer = client.post("/api/v1/redeem", json=body)
    assert answer.status_code == 201, answer.text
    device_id = answer.json()["device"]["id"]
    return Credentials(device_id, _sent(answer), device_key(number), folder / f"device-{number}")


def renew(server: Server, held: Credentials, folder: Path, number: int) -> Credentials:
    """Renew a certificate, for the key of this number; the one before is revoked by that."""
    path, body = "/device/renewal", {"csr": request_pem(number).decode()}
    with server.device_client(*held.files) as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    key, place = device_key(number), folder / f"device-{number}"
    fresh = Credentials(held.device_id, _sent(answer), key, place)
    with server.device_client(*fresh.files) as client:
        assert client.post(f"{path}/confirm").status_code == 200
    return fresh


def _sent(answer: httpx2.Response) -> str:
    """What a device sends in its handshake: its certificate and the issuing CA's."""
    told = answer.json()
    issuing, end, _ = told["chain"].partition("-----END CERTIFICATE-----\n")
    return str(told["certificate"] + issuing + end)


class Device:
    """The device's side of a session. A thread reads, so that pings are answered."""

    def __init__(self, sent: socket.socket, host: str, *, answers: bool = True) -> None:
        sent.setblocking(False)
        self._socket = sent
        # OpenSSL lets one thread at a time use a connection.
        self._one = threading.Lock()
        self._answers = answers
        self._connection = WSConnection(ConnectionType.CLIENT)
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self.refused: queue.Queue[tuple[int, dict[str, Any]]] = queue.Queue()
        self.close: tuple[int, str] | None = None
        self.closed_at = 0.0
        self.pings = 0
        self._over = threading.Event()
        self._status = 0
        self.send(Request(host=host, target="/session"))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def send(self, event: Any) -> None:
        """Send an event of wsproto's."""
        with self._one:
            self._send(self._connection.send(event))

    def raw(self, data: bytes) -> None:
        """Send whatever bytes."""
        with self._one:
            self._send(data)

    def _send(self, data: bytes) -> None:
        while data:
            try:
                data = data[self._socket.send(data) :]
            except _LATER:
                select.select([], [self._socket], [], PATIENCE)

    def _read(self) -> None:
        try:
            while data := self._received():
                with self._one:
                    self._connection.receive_data(data)
                    events = list(self._connection.events())
                for event in events:
                    self._handle(event)
        except (OSError, ValueError, ProtocolError):
            pass  # also what is read past TLS, once that was hung up
        finally:
            self.closed_at = time.monotonic()
            self._over.set()

    def _received(self) -> bytes:
        while True:
            try:
                with self._one:
                    return self._socket.recv(65536)
            except _LATER:
                select.select([self._socket], [], [], 1.0)

    def _handle(self, event: Any) -> None:
        match event:
            case TextMessage():
                self._said.put(json.loads(event.data))
            case Ping():
                self.pings += 1
                if self._answers:
                    self.send(event.response())
            case CloseConnection():
                self.close = (int(event.code), event.reason or "")
            case RejectConnection():
                self._status = event.status_code
            case RejectData() if event.data:
                self.refused.put((self._status, json.loads(event.data)))
            case AcceptConnection():
                pass

    def said(self) -> dict[str, Any]:
        """The next message of the server."""
        return self._said.get(timeout=PATIENCE)

    @property
    def answered(self) -> bool:
        """Whether it was spoken to or refused."""
        return not (self._said.empty() and self.refused.empty())

    def opened(self) -> str:
        """The session's id, once it is open."""
        message = self.said()
        assert message["type"] == "open", message
        return str(message["session"])

    def ended(self, within: float = PATIENCE) -> tuple[int, str]:
        """How the server ended it: the code and the reason."""
        assert self._over.wait(within), "the session is still open"
        assert self.close is not None, "cut without a reason"
        return self.close

    @property
    def open(self) -> bool:
        return not self._over.is_set()

    def alive(self) -> None:
        """It goes on: another ping came, and was answered."""
        before, until = self.pings, time.monotonic() + PATIENCE
        while self.pings <= before + 1:
            assert self.open, f"the session has ended: {self.close}"
            assert time.monotonic() < until, "no ping comes"
            time.sleep(0.02)

    def hang_up(self) -> None:
        """Go, and only then give the socket's number back: another connection may get it."""
        with self._one, contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._socket.close()


@contextmanager
def connected(
    server: Server,
    credentials: Credentials | None,
    *,
    by_signature: bool = False,
    on_web: bool = False,
    answers: bool = True,
) -> Iterator[Device]:
    """A device connects. `by_signature` leaves the certificate out of the handshake."""
    url = urlsplit(server.url if on_web else server.device_url)
    plain = socket.create_connection((url.hostname, url.port), timeout=PATIENCE)
    plain.settimeout(None)
    sent = plain
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=server.authority)
        if credentials is not None and not by_signature:
            context.load_cert_chain(*credentials.files)
        sent = context.wrap_socket(plain, server_hostname=url.hostname)
    device = Device(sent, f"{url.hostname}:{url.port}", answers=answers)
    if by_signature and credentials is not None:
        nonce = device.said()["nonce"]
        device.send(TextMessage(json.dumps(proof(credentials, nonce, server.device_url))))
    try:
        yield device
    finally:
        device.hang_up()


def proof(credentials: Credentials, nonce: str, server: str) -> dict[str, str]:
    """What a device answers to a challenge; what it signs is written out, as in the reference."""
    signed = f"Enlist device session\n{server}\n{nonce}".encode()
    signature = credentials.key.sign(signed, ec.ECDSA(SHA256()))
    return {
        "certificate": credentials.certificate,
        "server": server,
        "signature": base64.b64encode(signature).decode(),
    }
