"""E-mail by SMTP (RFC 5321), with STARTTLS, TLS or, for a server on this machine, neither.

Where protection is asked for, it comes first: no login and no message before the connection is
encrypted and the server's certificate and name are verified, and no falling back (TP40).

What the server says decides: 4xx and every trouble with the connection mean *later*, 5xx about
this message means *never* (TP41). A 5xx before there is any message, such as a refused login, is
somebody's mistake in the settings: nothing is given up for it, all messages wait.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.policy import SMTP, SMTPUTF8
from pathlib import Path
from typing import Final, Literal

from enlist.core.secrets import Secret
from enlist.core.templates import one_line
from enlist.delivery.channels.channel import Outgoing
from enlist.delivery.channels.mime import BadAddress, address, compose, sender
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict

_STEP_TIMEOUT: Final = 10.0
"""Seconds for connecting and for each answer."""
_FINAL_TIMEOUT: Final = 60.0
"""Seconds for the answer to the message itself: servers look for malware before they take it."""
_ABOUT_LOGIN: Final = frozenset({530, 534, 535, 538})
_CLOSING: Final = 421


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over.

    Attributes:
        ca_file: certificate of the only authority to trust; None for the machine's own list.
        helo: how this side calls itself.
    """

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    user: str = ""
    password: Secret = Secret("")  # noqa: RUF009
    ca_file: Path | None = None
    helo: str = "localhost"


class _Trouble(Exception):
    """Something went wrong before the message was handed over; `verdict` is what it means."""

    def __init__(self, verdict: Verdict, *, connection_lost: bool = False) -> None:
        super().__init__()
        self.verdict = verdict
        self.connection_lost = connection_lost


Step = Literal["", "reach", "protect", "login", "sender"]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How far one comes with a mail server before there is a message.

    Attributes:
        failed: the step that failed, "" where none did.
        reason: why, in words.
    """

    failed: Step
    reason: str = ""


class EmailChannel:
    """Sends by one connection, which stays open until `release`.

    Raises:
        BadAddress: `mail_from` is no address.
        OSError: the file with the authority cannot be read or holds no certificate.
    """

    def __init__(self, server: MailServer, mail_from: str) -> None:
        self._server = server
        self._sender = sender(mail_from)
        self._context = ssl.create_default_context(cafile=server.ca_file)
        self._client: smtplib.SMTP | None = None

    def send(self, message: Outgoing) -> Verdict:
        try:
            recipient = address(message.recipient, message.recipient_name)
        except BadAddress as error:
            return Rejected(str(error))
        reused = self._client is not None
        try:
            return self._send(message, recipient)
        except _Trouble as trouble:
            if not (reused and trouble.connection_lost):
                return trouble.verdict
        # The server has hung up on an idle connection, or takes no more over this one.
        try:
            return self._send(message, recipient)
        except _Trouble as trouble:
            return trouble.verdict

    def release(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                client.quit()
            client.close()

    def rehearse(self) -> Rehearsal:
        """Do all that comes before a message, and leave: nothing is sent to anybody."""
        step: Step = "reach"
        client: smtplib.SMTP | None = None
        try:
            client = self._open()
            step = "protect"
            self._protect(client)
            step = "login"
            self._login(client)
            step = "sender"
            code, reply = client.mail(self._sender.addr_spec)
            if not 200 <= code < 300:
                return Rehearsal(step, f"{self._server.host} answered {code} {_text(reply)}")
        except (smtplib.SMTPException, OSError, ValueError) as error:
            failed: Step = "protect" if isinstance(error, ssl.SSLError) else step
            return Rehearsal(failed, self._why_not(error))
        finally:
            if client is not None:
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    client.quit()
                client.close()
        return Rehearsal("")

    def _send(self, message: Outgoing, recipient: Address) -> Verdict:
        if self._client is None:
            self._client = self._connect()
        client = self._client
        try:
            return self._transaction(client, message, recipient)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            reason = f"the connection to {self._server.host} broke: {_words(error)}"
            raise _Trouble(Retry(reason, unreachable=True), connection_lost=True) from error

    def _transaction(self, client: smtplib.SMTP, message: Outgoing, recipient: Address) -> Verdict:
        mail = compose(message, self._sender, recipient)
        international = not recipient.username.isascii() or not self._sender.username.isascii()
        if international and not client.has_extn("smtputf8"):
            return Rejected(f"{self._server.host} does not take addresses like this (SMTPUTF8)")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if international else []
        self._expect(client, *client.mail(self._sender.addr_spec, options), step="MAIL")
        self._expect(client, *client.rcpt(recipient.addr_spec), step="RCPT")
        content = mail.as_bytes(policy=SMTPUTF8 if international else SMTP)
        try:
            if client.sock is not None:
                client.sock.settimeout(_FINAL_TIMEOUT)
            self._expect(client, *client.data(content), step="DATA")
            if client.sock is not None:
                client.sock.settimeout(_STEP_TIMEOUT)
        except smtplib.SMTPDataError as error:
            self._expect(client, error.smtp_code, error.smtp_error, step="DATA")
        except (smtplib.SMTPException, OSError) as error:
            # It may have arrived. Not at once again: the row's Message-ID tells them apart.
            self._drop()
            reason = f"{self._server.host} hung up before it took the message: {_words(error)}"
            raise _Trouble(Retry(reason)) from error
        return Accepted()

    def _expect(self, client: smtplib.SMTP, code: int, reply: bytes | str, *, step: str) -> None:
        """Go on after a 2xx; else say what the answer means."""
        if 200 <= code < 300:
            return
        reason = f"{self._server.host} answered {step} with {code} {_text(reply)}"
        if code == _CLOSING or code == -1:
            self._drop()
            raise _Trouble(Retry(reason, unreachable=True), connection_lost=True)
        with contextlib.suppress(smtplib.SMTPException, OSError):
            client.rset()
        if code in _ABOUT_LOGIN:
            raise _Trouble(Retry(reason, unreachable=True))
        raise _Trouble(Rejected(reason) if code >= 500 else Retry(reason))

    def _connect(self) -> smtplib.SMTP:
        """A connection that is protected as the settings ask, and signed in."""
        client: smtplib.SMTP | None = None
        try:
            client = self._open()
            self._protect(client)
            self._login(client)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            if client is not None:
                client.close()
            verdict = Retry(self._why_not(error), unreachable=True)
            raise _Trouble(verdict) from error
        return client

    def _open(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            return smtplib.SMTP_SSL(
                server.host, server.port, server.helo, timeout=_STEP_TIMEOUT, context=self._context
            )
        return smtplib.SMTP(server.host, server.port, server.helo, timeout=_STEP_TIMEOUT)

    def _protect(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        if self._server.security == "starttls":
            client.starttls(context=self._context)
            client.ehlo_or_helo_if_needed()

    def _login(self, client: smtplib.SMTP) -> None:
        if self._server.user:
            client.login(self._server.user, self._server.password.reveal())

    def _why_not(self, error: Exception) -> str:
        """Why there is no connection, with what to do about it."""
        server = self._server
        place = f"{server.host}:{server.port}"
        match error:
            case ssl.SSLCertVerificationError():
                return (
                    f"the certificate of {place} cannot be trusted ({error.verify_message}); "
                    "nothing was sent (see ENLIST_SMTP_CA_FILE)"
                )
            case ssl.SSLError():
                return f"no protected connection to {place}: {error.reason}; nothing was sent"
            case smtplib.SMTPNotSupportedError() if "STARTTLS" in str(error):
                return f"{place} does not offer STARTTLS; nothing was sent"
            case smtplib.SMTPNotSupportedError():
                return f"{place} offers no login (ENLIST_SMTP_USER)"
            case smtplib.SMTPAuthenticationError():
                reply = f"{error.smtp_code} {_text(error.smtp_error)}"
                return f"{place} refused the login of {server.user}: {reply}"
            case UnicodeEncodeError():
                return "the user name and password for the mail server must be ASCII"
            case smtplib.SMTPResponseException() if error.smtp_code > 0:
                return f"{place} answered {error.smtp_code} {_text(error.smtp_error)}"
        return f"{place} cannot be reached: {_words(error)}"

    def _drop(self) -> None:
        """Forget a connection that is of no use any more."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "no answer in time"
    if isinstance(error, smtplib.SMTPResponseException):
        return "what answers is no mail server"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return _text(str(error)) or type(error).__name__


def _text(reply: bytes | str) -> str:
    """A server's words as one short line."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return one_line(text)[:300]
