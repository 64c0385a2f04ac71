"""A small real Enlist server for the agent's tests: the contract of redeem and of `GET /device`.

It speaks HTTP over loopback, signs with a throwaway CA, recognises a repeated request by its
`Idempotency-Key`, and can be told to misbehave: each `Twist` in `twists` spoils one request.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

REDEEM = "/api/v1/redeem"
ROOT = "/pki/root.pem"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def key(self) -> bytes:
        """The public key of the certificate request."""
        csr = x509.load_pem_x509_csr(self.body["csr"].encode())
        assert csr.is_signature_valid
        return csr.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def name(self) -> str:
        return self.headers["Idempotency-Key"]


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """A throwaway root and issuing CA."""

    def __init__(self) -> None:
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.root = _sign(_name("Test root"), self.root_key.public_key(), None, self.root_key, True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.issuing = _sign(
            _name("Test issuing"), self.key.public_key(), self.root, self.root_key, True
        )

    @property
    def chain(self) -> str:
        return "".join(_pem(each) for each in (self.issuing, self.root))

    @property
    def root_pem(self) -> str:
        return _pem(self.root)

    @property
    def fingerprint(self) -> str:
        return f"sha256:{self.root.fingerprint(hashes.SHA256()).hex()}"

    def issue(self, public: Any, common: str, days: float = 30, start: int = -60) -> str:
        return _pem(_sign(_name(common), public, self.issuing, self.key, False, days, start))

    def server_files(
        self,
        folder: Path,
        days: int = 30,
        start: int = -60,
        key: rsa.RSAPrivateKey | None = None,
    ) -> Path:
        """Key and certificate for localhost and 127.0.0.1, in one file."""
        held = key or ec.generate_private_key(ec.SECP256R1())
        private = held.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        path = folder / "server.pem"
        leaf = self.issue(held.public_key(), "localhost", days, start)
        path.write_text(private + leaf + _pem(self.issuing))
        return path


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _sign(
    subject: x509.Name,
    public: Any,
    issuer: x509.Certificate | None,
    key: ec.EllipticCurvePrivateKey,
    authority: bool,
    days: float = 30,
    start: int = -60,
) -> x509.Certificate:
    now = datetime.now(UTC)
    loopback = ipaddress.ip_address("127.0.0.1")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=start))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    if authority:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        names = [x509.DNSName("localhost"), x509.IPAddress(loopback)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())


@dataclass(frozen=True)
class Reply:
    """A status, a body and headers; None as the body closes the connection without an answer."""

    status: int
    body: dict[str, Any] | str | None
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, code: str, **more: str) -> Reply:
    """A refusal as Enlist writes it (RFC 9457)."""
    document = {
        "type": f"https://enlist.example/refusals/{code}",
        "title": f"Title of {code}",
        "status": status,
        "code": code,
        "detail": f"What to do about {code}.",
        "support_code": "BCDF-GHJK-L",
    }
    return Reply(status, document | more, {"Content-Type": "application/problem+json"})


DROPPED = Reply(0, None)
Twist = Callable[[Reply], Reply]
"""What spoils one request: it gets the answer after the commit and gives what is sent instead."""


def instead(reply: Reply) -> Twist:
    """Send this whatever happened."""
    return lambda _: reply


lose_answer = instead(DROPPED)


class Peer:
    """The server: its tokens, what it saw, and what it answers."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.address = ""
        self.device_url: str | None = None
        self.tokens = {"GoodToken1"}
        self.days = 30
        self.seen: list[Seen] = []
        self.issued: dict[str, dict[str, Any]] = {}
        self.twists: list[Twist] = []
        self.device: Reply = Reply(200, {"state": "enrolled"})
        self.client_subjects: list[str] = []

    def answer(self, seen: Seen, client: bytes | None) -> Reply:
        self.seen.append(seen)
        if (seen.method, seen.path) == ("GET", "/device"):
            reply = self._device(client)
        elif (seen.method, seen.path) == ("POST", REDEEM):
            reply = self._redeem(seen)
        elif (seen.method, seen.path) == ("GET", ROOT):
            reply = Reply(200, self.authority.root_pem)
        else:
            reply = Reply(404, "<h1>nothing here</h1>")
        return self.twists.pop(0)(reply) if self.twists else reply

    def _device(self, client: bytes | None) -> Reply:
        if client is None:
            return problem(401, "unauthenticated")
        subject = x509.load_der_x509_certificate(client).subject.rfc4514_string()
        self.client_subjects.append(subject)
        return self.device

    def _redeem(self, seen: Seen) -> Reply:
        if seen.name in self.issued:
            return Reply(201, self.issued[seen.name])
        if seen.body.get("token") not in self.tokens:
            return problem(404, "token_invalid")
        self.tokens.remove(seen.body["token"])
        public = x509.load_pem_x509_csr(seen.body["csr"].encode()).public_key()
        device = f"device-{len(self.issued) + 1}"
        self.issued[seen.name] = {
            "device": {"id": device, "name": seen.body["device"]["name"], "state": "enrolled"},
            "certificate": self.authority.issue(public, device, self.days),
            "chain": self.authority.chain,
            "device_url": self.device_url,
        }
        return Reply(201, self.issued[seen.name])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(body)

    def do_GET(self) -> None:
        self._answer({})

    def _answer(self, body: dict[str, Any]) -> None:
        client = None
        if isinstance(self.connection, ssl.SSLSocket):
            client = self.connection.getpeercert(binary_form=True)
        seen = Seen(self.command, self.path, dict(self.headers), body)
        reply = self.server.peer.answer(seen, client)
        if reply.body is None:
            self.close_connection = True
            return
        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        self.send_response_only(reply.status)
        headers = {"Content-Type": "application/json"} | reply.headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        return


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    peer: Peer

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a client that refuses our certificate is what some tests want


@contextmanager
def listening(
    peer: Peer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[str]:
    """Serve `peer` on a free port of a loopback address; gives the URL."""
    server = _Listener((host, 0), _Handler)
    server.peer = peer
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def server_tls(certificate: Path, client_ca: str | None = None) -> ssl.SSLContext:
    """TLS as the web listener speaks it, or with optional client certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if client_ca:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_ca)
    return context


@dataclass
class OwnTime:
    """A clock that only moves when somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
