"""A real mail system: Postfix takes the message, Dovecot shows it (TP42)."""

from __future__ import annotations

from typing import Any

from enlist.core.model import MessageState
from enlist.core.secrets import Secret
from enlist.delivery.channels.email import EmailChannel, MailServer
from tests.delivery.world import LINK, Outbox
from tests.installation import code
from tests.peers import postfix as peer
from tests.peers.postfix import MailSystem


def _channel(postfix: MailSystem, **changes: Any) -> EmailChannel:
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": postfix.submission,
        "security": "starttls",
        "user": peer.LOGIN,
        "password": Secret(peer.PASSWORD),
        "ca_file": postfix.pki.authority,
        **changes,
    }
    return EmailChannel(MailServer(**settings), f"Enlist <enlist@{peer.DOMAIN}>")


def test_a_message_read_over_imap_enrolls(outbox: Outbox, postfix: MailSystem) -> None:
    issued = outbox.queue("ada")
    assert outbox.deliver(_channel(postfix)) == 1
    (received,) = postfix.wait_for("ada")
    assert received["Message-ID"] == outbox.message(issued).message_id
    assert received["From"] == f"Enlist <enlist@{peer.DOMAIN}>"
    texts = []
    for kind in ("plain", "html"):
        part = received.get_body((kind,))
        assert part is not None
        texts.append(part.get_content())
    tokens = {token for text in texts for token in LINK.findall(text.replace('"', " "))}
    assert len(tokens) == 1
    assert code(outbox.enlist.redeem(Secret(tokens.pop()))) == "done"


def test_a_mail_server_s_refusal_reaches_the_outbox(outbox: Outbox, postfix: MailSystem) -> None:
    unknown, known = outbox.queue("nobody"), outbox.queue("alan")
    assert outbox.deliver(_channel(postfix)) == 2
    row = outbox.message(unknown)
    assert row.state is MessageState.FAILED
    assert "550 5.1.1" in row.reason
    assert outbox.message(known).state is MessageState.SENT
    assert len(postfix.wait_for("alan")) == 1


def test_a_wrong_password_gives_nothing_up(outbox: Outbox, postfix: MailSystem) -> None:
    issued = outbox.queue("grace")
    outbox.deliver(_channel(postfix, password=Secret("wrong")))
    row = outbox.message(issued)
    assert row.state is MessageState.QUEUED
    assert "refused the login of enlist: 535" in row.reason
    assert postfix.messages("grace") == []
