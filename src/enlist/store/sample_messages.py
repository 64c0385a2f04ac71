"""What messages say that test a template: kept beside their rows, since it may be saved nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Tx

_INSERT = Query(
    "sample_message.insert",
    """
    INSERT INTO test_message (message_id, purpose, language, subject, body)
    VALUES (:message_id, :purpose, :language, :subject, :body)
    """,
)
_FIND = Query(
    "sample_message.find",
    """
    SELECT t.purpose, t.language, t.subject, t.body FROM test_message t
     WHERE t.message_id = :message_id
    """,
)


@dataclass(frozen=True, slots=True)
class Words:
    """A wording with lookup values; its name and channel stand in the message's row."""

    purpose: str
    language: str
    subject: str
    body: str


def insert(tx: Tx, message_id: Id, words: Words) -> None:
    """Keep what a message says, in the transaction that queues it."""
    tx.run(
        _INSERT,
        message_id=message_id,
        purpose=words.purpose,
        language=words.language,
        subject=words.subject,
        body=words.body,
    )


def find(tx: Reader, message_id: Id) -> Words | None:
    """What a message says."""
    row = tx.one(_FIND, message_id=message_id)
    if row is None:
        return None
    return Words(row["purpose"], row["language"], row["subject"], row["body"])
