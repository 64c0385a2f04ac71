"""A mail server inside the test's process: keeps what it gets and refuses whom it is told to.

It is aiosmtpd on a socket of loopback, with STARTTLS and AUTH where asked, so that a client meets
the answers that it meets in the world.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
import importlib.util
import logging
import socket
import ssl
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tests.peers.base import DEADLINE, Missing, free_port
from tests.peers.pki import Pair

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

NAME = "smtp"
PACKAGES: tuple[str, ...] = ()
MIN_VERSION = (1, 4)
NEEDS_ROOT = False
_TOO_MANY = "421 4.7.0 Too many connections"


def probe() -> Missing | None:
    if importlib.util.find_spec("aiosmtpd") is None:
        return Missing("no Python library aiosmtpd (group dev)")
    return None


@dataclass(frozen=True)
class Received:
    """One accepted transaction: the envelope and the message in it."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    encrypted: bool
    login: str | None


@dataclass
class MailServer:
    """A running server, plain unless it was given a `certificate`, open unless it was given logins.

    With a certificate it demands STARTTLS before anything else, with logins AUTH (over TLS only).
    """

    certificate: Pair | None = None
    logins: dict[str, str] = field(default_factory=dict)
    messages: list[Received] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    """User names of every AUTH, also of those that failed."""
    hang_ups: int = 0
    """How many of the next messages are taken and never answered: the connection just ends."""
    slow_after: int | None = None
    """From which message on none is answered until `let_go`."""
    most_connections: int | None = None
    """How many connections are greeted in all; further ones are told to go away (421)."""
    connections: int = 0
    under_way: int = 0
    """Messages that were taken and not answered yet."""
    log: Path | None = None
    version: str = ""
    port: int = 0
    _answers: dict[str, str] = field(default_factory=dict)
    _senders: dict[str, str] = field(default_factory=dict)
    _stop: Any = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def answer(self, recipient: str, reply: str) -> None:
        """From now on answer RCPT for an address with `reply`, as `451 4.3.0 Try again later`."""
        self._answers[recipient.lower()] = reply

    def answer_sender(self, sender: str, reply: str) -> None:
        """From now on answer MAIL for an address with `reply`, as `553 5.7.1 Not yours`."""
        self._senders[sender.lower()] = reply

    def accept(self, recipient: str) -> None:
        """Take `answer` back."""
        self._answers.pop(recipient.lower(), None)

    def let_go(self) -> None:
        """Answer all that wait for it, and whatever comes."""
        self.slow_after = None

    def wait_for(self, count: int = 1, *, seconds: float = DEADLINE) -> list[Received]:
        """All messages so far as soon as there are `count`; TimeoutError otherwise."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.messages)} of {count} messages in {seconds:g} s")
            time.sleep(0.01)
        return list(self.messages)

    def start(self) -> None:
        """Listen on a port of our own, for the first time or again on the same one after `stop`.

        Meanwhile nobody gets it: one of the kernel's choice could be a client's by then.
        """
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = self.port or free_port()
        listener.bind(("127.0.0.1", self.port))
        self.version = importlib.metadata.version("aiosmtpd")
        # It warns of its own use of `login_data` at every login.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        controller = _controller(self, listener)
        controller.start()
        self._stop = controller.stop

    def stop(self) -> None:
        """Stop listening; what was received stays."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    # aiosmtpd calls these by name.
    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        session.host_name = name
        self.connections += 1
        return [_TOO_MANY] if self._too_many else answers

    async def handle_HELO(  # noqa: N802
        self, server: SMTP, session: Session, _envelope: Envelope, name: str
    ) -> str:
        """What a client tries that was refused EHLO."""
        session.host_name = name
        return _TOO_MANY if self._too_many else f"250 {server.hostname}"

    @property
    def _too_many(self) -> bool:
        return self.most_connections is not None and self.connections > self.most_connections

    async def handle_MAIL(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        refused = self._senders.get(address.lower())
        if refused is not None:
            return refused
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        refused = self._answers.get(address.lower())
        if refused is not None:
            return refused
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        received = Received(
            envelope.mail_from or "",
            tuple(envelope.rcpt_tos),
            message,
            session.ssl is not None,
            cast("str | None", session.auth_data),
        )
        self.messages.append(received)
        self.under_way += 1
        place = len(self.messages)
        while self.slow_after is not None and place > self.slow_after:  # noqa: ASYNC110 - a thread's
            await asyncio.sleep(0.005)
        self.under_way -= 1
        if self.hang_ups:
            self.hang_ups -= 1
            cast("asyncio.Transport", server.transport).abort()
        return "250 2.0.0 OK"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        """aiosmtpd's authenticator; a refusal must be `handled=False`, else nobody answers."""
        from aiosmtpd.smtp import AuthResult

        name, password = data.login.decode(), data.password.decode()
        self.attempts.append(name)
        right = self.logins.get(name) == password
        return AuthResult(success=right, handled=right, auth_data=name)


def _controller(server: MailServer, listener: socket.socket) -> Any:
    """aiosmtpd's thread around a socket that is already bound: no port can be lost in between."""
    from aiosmtpd.controller import Controller

    class Bound(Controller):
        def _create_server(self) -> Any:
            factory = functools.partial(self._factory_invoker)
            return self.loop.create_server(factory, sock=listener)

    options: dict[str, Any] = {"ident": "Test server", "ready_timeout": DEADLINE}
    if server.certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(server.certificate.certificate, server.certificate.key)
        options |= {"tls_context": context, "require_starttls": True}
    if server.logins:
        options |= {
            "authenticator": server.authenticate,
            "auth_required": True,
            "auth_require_tls": server.certificate is not None,
        }
    return Bound(server, hostname="127.0.0.1", port=server.port, **options)


def start(folder: Path) -> MailServer:
    """A plain server that takes everything."""
    server = MailServer()
    server.start()
    return server
