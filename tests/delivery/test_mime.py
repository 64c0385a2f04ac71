"""Messages as Internet mail: what headers hold, whatever the values were."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from typing import cast

import pytest

from enlist.delivery.channels import MailboxChannel, Outgoing
from enlist.delivery.channels.mime import BadAddress, address, compose, header_name, sender
from enlist.verbs.verdicts import Accepted, Rejected
from tests.corpus import CORPUS

HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Content-Language",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
}
NASTY = [
    "Bob\r\nBcc: eve@example.com",
    "Bob\nSubject: other\n\nbody",
    "Bob\r\n\r\n<html>",
    "Bob\x00Eve",
    "Bob\x0bX-Evil: 1\x0cY: 2\x85Z: 3\u2028W: 4",
    'Bob" <eve@example.com>, "x',
    "Bob, eve@example.com",
    "Bob; eve@example.com:",
    "=?utf-8?q?Bob=0D=0ABcc:_eve@example.com?=",
    "\u202ebob\u202c",
    "x" * 10_000,
    "é, <eve@example.com>" * 40,
    "日本" * 200,
    "(comment) \\ [x]",
    "\ud83d\ude00"[:0] + "😀" * 80,
    " ",
    "",
]


def on_the_wire(message: Outgoing) -> EmailMessage:
    sent = compose(
        message,
        sender("Enlist <enlist@example.test>"),
        address(message.recipient, message.recipient_name),
    )
    raw = sent.as_bytes()
    assert b"\x00" not in raw
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    return message_from_bytes(raw, policy=policy.default)


def test_what_a_message_carries(outgoing: Outgoing) -> None:
    received = on_the_wire(outgoing)
    assert set(received.keys()) == HEADERS
    assert received["From"] == "Enlist <enlist@example.test>"
    assert received["To"] == "Ada Lovelace <ada@example.test>"
    assert received["Message-ID"] == "<first@enlist.example.com>"
    assert received["Date"] == "Mon, 02 Mar 2026 12:00:00 +0000"
    assert received["Auto-Submitted"] == "auto-generated"
    plain, html = received.get_body(("plain",)), received.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == outgoing.text.splitlines()
    assert html.get_content().strip() == outgoing.html
    assert plain["Content-Transfer-Encoding"] == "quoted-printable"


@pytest.mark.parametrize("value", NASTY)
def test_no_value_becomes_a_header(outgoing: Outgoing, value: str) -> None:
    stays_a_name(outgoing, value)


def test_two_hundred_values_become_no_header(outgoing: Outgoing) -> None:
    """S76."""
    for value in CORPUS:
        stays_a_name(outgoing, value)


def stays_a_name(outgoing: Outgoing, value: str) -> None:
    """In the recipient's name and in the subject."""
    received = on_the_wire(replace(outgoing, recipient_name=value, subject=f"For {value}"))
    assert set(received.keys()) == HEADERS
    assert len(received.keys()) == len(HEADERS)
    to = cast("AddressHeader", received["To"])
    assert [each.addr_spec for each in to.addresses] == ["ada@example.test"]
    assert str(received["Subject"]).startswith("For")


def test_a_name_keeps_what_names_are_made_of() -> None:
    assert header_name("Müller-Lüdenscheidt, Dr. Zoë O’Neill") == (
        "Müller-Lüdenscheidt Dr Zoë O’Neill"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.test",
        "ada@",
        "ada@exa mple.test",
        "ada@example.test\r\nBcc: eve@example.com",
        "ada@example.test, eve@example.com",
        "<ada@example.test>",
        "a" * 250 + "@example.test",
        "ada@" + "ä" * 80 + ".test",
    ],
)
def test_what_is_no_address_is_refused(outgoing: Outgoing, text: str) -> None:
    with pytest.raises(BadAddress):
        address(text)
    assert isinstance(MailboxChannel().send(replace(outgoing, recipient=text)), Rejected)


def test_a_foreign_host_is_written_in_idna() -> None:
    assert address("ada@münchen.example").addr_spec == "ada@xn--mnchen-3ya.example"


def test_the_sender_is_a_name_and_an_address() -> None:
    assert str(sender("Acme IT <it@example.test>")) == "Acme IT <it@example.test>"
    assert str(sender("it@example.test")) == "it@example.test"
    with pytest.raises(BadAddress):
        sender("Acme IT")


# --- the demo's mailbox ----------------------------------------------------------------------


def test_the_mailbox_keeps_the_newest(outgoing: Outgoing) -> None:
    mailbox = MailboxChannel(kept=3)
    for number in range(5):
        assert mailbox.send(replace(outgoing, subject=f"Number {number}")) == Accepted()
    assert [each.subject for each in mailbox.messages()] == ["Number 4", "Number 3", "Number 2"]
    newest = mailbox.messages()[0]
    assert (newest.to, newest.text, newest.html) == (
        outgoing.recipient,
        outgoing.text,
        outgoing.html,
    )
    assert dict(newest.headers)["Message-ID"] == outgoing.message_id
    assert "aB3dEfGh9J" not in repr(newest)
