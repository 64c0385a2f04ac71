"""E-mail over real SMTP: protection first, and what each answer means (TP40, TP41)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from enlist.core.secrets import Secret
from enlist.delivery.channels import Outgoing, email
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict
from tests.delivery.world import channel_to
from tests.peers.base import DEADLINE
from tests.peers.pki import Pair, Pki
from tests.peers.smtp import MailServer

SmtpMaker = Callable[..., MailServer]
LOGIN: dict[str, Any] = {"user": "enlist", "password": Secret("right")}


def why(verdict: Verdict) -> str:
    """Why a message has to wait, for a reason that concerns all messages."""
    assert isinstance(verdict, Retry)
    assert verdict.unreachable
    return verdict.reason


# --- protection (TP40) -----------------------------------------------------------------------


def test_starttls_and_login(make_smtp: SmtpMaker, throwaway_pki: Pki, outgoing: Outgoing) -> None:
    server = make_smtp(certificate=throwaway_pki.server, logins={"enlist": "right"})
    channel = channel_to(server, security="starttls", ca_file=throwaway_pki.authority, **LOGIN)
    for number in range(3):
        assert channel.send(replace(outgoing, message_id=f"<{number}@x.test>")) == Accepted()
    channel.release()
    received = server.wait_for(3)
    assert {(each.encrypted, each.login) for each in received} == {(True, "enlist")}
    assert received[0].sender == "enlist@example.test"
    assert received[0].recipients == ("ada@example.test",)
    # One connection carried all three.
    assert server.attempts == ["enlist"]


@pytest.mark.parametrize(("certificate", "reason"), [("wrong", "mismatch"), ("rogue", "issuer")])
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_cannot_be_trusted(
    make_smtp: SmtpMaker,
    throwaway_pki: Pki,
    outgoing: Outgoing,
    certificate: str,
    reason: str,
    security: str,
) -> None:
    pair = getattr(throwaway_pki, certificate)
    settings = {"security": security, "ca_file": throwaway_pki.authority, **LOGIN}
    if security == "tls":
        with _sink(_context(pair)) as port:
            seen = why(channel_to(MailServer(port=port), **settings).send(outgoing))
    else:
        server = make_smtp(certificate=pair, logins={"enlist": "right"})
        seen = why(channel_to(server, **settings).send(outgoing))
        assert server.attempts == []
        assert server.messages == []
    assert "cannot be trusted" in seen
    assert reason in seen
    assert "ENLIST_SMTP_CA_FILE" in seen


def test_the_machine_s_own_authorities_are_not_a_private_one(
    make_smtp: SmtpMaker, throwaway_pki: Pki, outgoing: Outgoing
) -> None:
    server = make_smtp(certificate=throwaway_pki.server)
    assert "cannot be trusted" in why(channel_to(server, security="starttls").send(outgoing))
    assert server.messages == []


def test_no_starttls_no_login_and_no_message(make_smtp: SmtpMaker, outgoing: Outgoing) -> None:
    server = make_smtp(logins={"enlist": "right"})
    reason = why(channel_to(server, security="starttls", **LOGIN).send(outgoing))
    assert "does not offer STARTTLS" in reason
    assert server.attempts == []
    assert server.messages == []


def test_tls_from_the_first_byte(throwaway_pki: Pki, outgoing: Outgoing) -> None:
    with _sink(_context(throwaway_pki.server)) as port:
        channel = channel_to(MailServer(port=port), security="tls", ca_file=throwaway_pki.authority)
        assert channel.send(outgoing) == Accepted()
        channel.release()


def test_a_refused_login_gives_no_message_up(
    make_smtp: SmtpMaker, throwaway_pki: Pki, outgoing: Outgoing
) -> None:
    server = make_smtp(certificate=throwaway_pki.server, logins={"enlist": "right"})
    settings = {"security": "starttls", "ca_file": throwaway_pki.authority}
    wrong = channel_to(server, **settings, user="enlist", password=Secret("not-that-one"))
    reason = why(wrong.send(outgoing))
    assert "refused the login of enlist: 535" in reason
    assert "not-that-one" not in reason
    # A server that wants a login and gets none says so at MAIL: the same mistake.
    none_given = channel_to(server, **settings)
    assert "530" in why(none_given.send(outgoing))
    foreign = channel_to(server, **settings, user="enlist", password=Secret("größer"))
    assert "must be ASCII" in why(foreign.send(outgoing))
    assert server.messages == []


def test_a_login_that_nobody_offers(smtp: MailServer, outgoing: Outgoing) -> None:
    assert "offers no login" in why(channel_to(smtp, **LOGIN).send(outgoing))


# --- answers (TP41) --------------------------------------------------------------------------


def test_a_4xx_means_later_and_a_5xx_never(smtp: MailServer, outgoing: Outgoing) -> None:
    channel = channel_to(smtp)
    smtp.answer(outgoing.recipient, "451 4.3.0 Try again later")
    assert channel.send(outgoing) == Retry("127.0.0.1 answered RCPT with 451 4.3.0 Try again later")
    smtp.answer(outgoing.recipient, "550 5.1.1 No such user")
    assert channel.send(outgoing) == Rejected("127.0.0.1 answered RCPT with 550 5.1.1 No such user")
    # The connection has survived both, and somebody else's message goes through.
    assert channel.send(replace(outgoing, recipient="alan@example.test")) == Accepted()
    smtp.accept(outgoing.recipient)
    assert channel.send(outgoing) == Accepted()
    channel.release()


def test_a_connection_lost_after_data_may_have_worked(smtp: MailServer, outgoing: Outgoing) -> None:
    channel = channel_to(smtp)
    smtp.hang_ups = 1
    verdict = channel.send(outgoing)
    assert isinstance(verdict, Retry)
    assert not verdict.unreachable
    assert "hung up" in verdict.reason
    assert channel.send(outgoing) == Accepted()
    channel.release()
    first, second = smtp.wait_for(2)
    assert first.message["Message-ID"] == second.message["Message-ID"] == outgoing.message_id


def test_an_idle_connection_that_was_closed_is_opened_again(
    smtp: MailServer, outgoing: Outgoing
) -> None:
    channel = channel_to(smtp)
    assert channel.send(outgoing) == Accepted()
    smtp.stop()
    assert channel._client is not None
    assert channel._client.sock is not None
    channel._client.sock.shutdown(socket.SHUT_RDWR)
    smtp.start()
    assert channel.send(outgoing) == Accepted()
    channel.release()
    assert len(smtp.wait_for(2)) == 2


def test_nobody_there(smtp: MailServer, outgoing: Outgoing) -> None:
    channel = channel_to(smtp)
    smtp.stop()
    assert "cannot be reached" in why(channel.send(outgoing))
    unknown = channel_to(smtp, host="mail.invalid")
    assert "mail.invalid" in why(unknown.send(outgoing))


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b"", "no answer in time"),
        (b"554 5.7.1 Not from you\r\n", "554 5.7.1 Not from you"),
        (b"421 4.3.2 Too busy\r\n", "421 4.3.2 Too busy"),
        (b"\x00\xff garbage\r\n", "what answers is no mail server"),
    ],
)
def test_a_server_that_does_not_want_to(
    outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch, greeting: bytes, reason: str
) -> None:
    monkeypatch.setattr(email, "_STEP_TIMEOUT", DEADLINE if greeting else 0.3)
    with _greeter(greeting) as port:
        assert reason in why(channel_to(MailServer(port=port)).send(outgoing))


def test_addresses_beyond_ascii_need_a_server_that_knows_them(
    smtp: MailServer, outgoing: Outgoing
) -> None:
    foreign = replace(outgoing, recipient="zoë@example.test")
    with _sink(enable_SMTPUTF8=False) as port:
        old = channel_to(MailServer(port=port))
        verdict = old.send(foreign)
        old.release()
    assert isinstance(verdict, Rejected)
    assert "SMTPUTF8" in verdict.reason
    channel = channel_to(smtp)
    assert channel.send(foreign) == Accepted()
    assert channel.send(replace(outgoing, recipient="zoe@bücher.example")) == Accepted()
    channel.release()
    received = smtp.wait_for(2)
    assert [each.recipients for each in received] == [
        ("zoë@example.test",),
        ("zoe@xn--bcher-kva.example",),
    ]


def test_dots_at_the_beginning_of_lines_survive(smtp: MailServer, outgoing: Outgoing) -> None:
    channel = channel_to(smtp)
    assert channel.send(replace(outgoing, text=".\n..\n.x\n")) == Accepted()
    channel.release()
    (received,) = smtp.wait_for()
    body = received.message.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == [".", "..", ".x"]


# --- servers that the peer does not offer ----------------------------------------------------


def _context(pair: Pair) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


@contextmanager
def _sink(context: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """A mail server of another kind; with a context it speaks TLS from the first byte on."""
    from aiosmtpd.handlers import Sink
    from aiosmtpd.smtp import SMTP

    loop = asyncio.new_event_loop()
    listening = loop.create_server(
        lambda: SMTP(Sink(), loop=loop, **options), "127.0.0.1", ssl=context
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(listening, loop).result()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _greeter(greeting: bytes) -> Iterator[int]:
    """A server that says one thing and then listens without a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                if greeting:
                    connection.sendall(greeting)
                done.wait(DEADLINE)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        done.set()
        thread.join()
