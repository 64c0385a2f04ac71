"""The message with one-time credentials: a link, a pair, until when, in two languages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.secrets import Secret
from enlist.delivery.rendering import Rendered, render, render_preview
from enlist.verbs.issuing import Issued
from enlist.verbs.letters import letter_without_token
from enlist.verbs.one_time_credentials import IssueCredentials
from enlist.verbs.users import ChangeUser
from tests.behaviour.credentials import letter, pair
from tests.delivery.world import LINK, PUBLIC_URL, Outbox
from tests.installation import code


def queue(outbox: Outbox, hours: int | None = None) -> Issued:
    return outbox.enlist.do(IssueCredentials("ada", "windows", hours=hours))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("leave the Group ID empty", "Works until: Monday, March 2, 2026", "Password")),
        ("de", ("die Gruppen-ID bleibt leer", "Gültig bis: Montag, 2. März 2026", "Passwort")),
    ],
)
def test_it_says_what_it_is_and_how_long_it_works(
    outbox: Outbox, language: str, said: tuple[str, ...]
) -> None:
    outbox.enlist.user("ada", email="ada@example.test")
    outbox.enlist.do(ChangeUser("ada", {"language": language}))
    issued = queue(outbox, hours=5)
    username, password = pair(outbox.enlist, issued)
    assert outbox.deliver() == 1
    (message,) = outbox.mailbox.messages()
    for text in (message.text, message.html):
        for each in (username, password, "Windows", "UTC", *said[:1]):
            assert each in text
    assert said[1] in message.text
    assert password not in message.subject
    (link,) = LINK.findall(message.text)
    assert code(outbox.enlist.redeem(Secret(link), platform="windows")) == "done"
    (row,) = outbox.enlist.rows("message")
    assert (row["purpose"], row["state"]) == ("credentials", "sent")


def test_who_looks_at_it_again_sees_dots(outbox: Outbox) -> None:
    """Ruling 7."""
    outbox.enlist.user("ada", email="ada@example.test")
    issued = queue(outbox)
    _, password = pair(outbox.enlist, issued)
    message = outbox.message(issued)
    kept = outbox.enlist.store.read(lambda tx: letter_without_token(tx, message))
    assert kept is not None
    for shown in (kept, letter(outbox.enlist, issued.message_id)):
        seen = render_preview(shown, PUBLIC_URL)
        assert isinstance(seen, Rendered)
        assert "•" in seen.text
        assert password not in seen.text + seen.html


@pytest.mark.parametrize("language", ["en", "de"])
def test_an_sms_holds_all_of_it(outbox: Outbox, language: str) -> None:
    outbox.enlist.user("ada", email="ada@example.test")
    outbox.enlist.do(ChangeUser("ada", {"language": language}))
    issued = queue(outbox, hours=48)
    texted = replace(letter(outbox.enlist, issued.message_id), channel="sms")
    seen = render(texted, PUBLIC_URL)
    assert isinstance(seen, Rendered)
    assert seen.size is not None
    assert seen.size.parts <= 2
    username, password = pair(outbox.enlist, issued)
    assert username in seen.text
    assert password in seen.text
