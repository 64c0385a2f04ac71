"""What a message with one-time credentials brings to whom it was sent."""

from __future__ import annotations

from enlist.core.secrets import Secret
from enlist.store import outbox
from enlist.verbs.issuing import Issued
from enlist.verbs.letters import Letter, read_letter
from tests.installation import Enlist, Login


def letter(enlist: Enlist, message_id: str | None) -> Letter:
    """What a message brings, as the worker that sends it reads it."""
    found = enlist.store.read(lambda tx: outbox.find(tx, message_id or ""))
    assert found is not None
    read = enlist.store.read(lambda tx: read_letter(enlist.driver.tools, tx, found))
    assert isinstance(read, Letter)
    return read


def pair(enlist: Enlist, issued: Issued) -> Login:
    """The user name and the password."""
    brought = letter(enlist, issued.message_id).login
    assert brought is not None
    return brought.username, brought.password.reveal()


def token(enlist: Enlist, issued: Issued) -> Secret:
    """What its link holds."""
    return letter(enlist, issued.message_id).token
