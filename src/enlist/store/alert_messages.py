"""Which message tells of which alert, or belongs to which test."""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Tx

_INSERT = Query(
    "alert_message.insert",
    """
    INSERT INTO alert_message (message_id, alert_id, test_id)
    VALUES (:message_id, :alert_id, :test_id)
    """,
)
_ALERT_OF = Query(
    "alert_message.alert_of",
    "SELECT alert_id FROM alert_message WHERE message_id = :message_id",
)
_MAILED = Query(
    "alert_message.mailed",
    """
    SELECT m.recipient AS target, m.state, m.reason, COALESCE(h.path, '') AS path
      FROM alert_message a
      JOIN message m ON m.id = a.message_id
      LEFT JOIN app_user u ON u.id = m.user_id
      LEFT JOIN organization h ON h.id = u.organization_id
     WHERE a.test_id = :test_id ORDER BY m.recipient, m.id
    """,
)
_POSTED = Query(
    "alert_message.posted",
    """
    SELECT w.name AS target, d.state, d.tries, d.status, d.answer, o.path
      FROM webhook_delivery d
      JOIN webhook w ON w.id = d.webhook_id
      JOIN organization o ON o.id = w.organization_id
     WHERE d.event_id = :test_id AND d.kind = 'alert.tested' ORDER BY w.name, d.id
    """,
)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a test by one way.

    Attributes:
        way: `email` or `webhook`.
        target: an address, or a webhook's name.
        state: `waiting`, `done` or `failed`.
        reason: why it waits or failed, where that is known.
        path: of the organization that the user or the webhook belongs to; "" for an address alone.
    """

    way: str
    target: str
    state: str
    reason: str
    path: str


def insert(
    tx: Tx, message_id: Id, *, alert_id: Id | None = None, test_id: Id | None = None
) -> None:
    """Keep what a message is about, in the transaction that queues it."""
    tx.run(_INSERT, message_id=message_id, alert_id=alert_id, test_id=test_id)


def alert_of(tx: Reader, message_id: Id) -> Id | None:
    """The alert that a message tells of."""
    row = tx.one(_ALERT_OF, message_id=message_id)
    return None if row is None else row["alert_id"]


def of_test(tx: Reader, test_id: Id) -> tuple[Tried, ...]:
    """What came of a test so far."""
    mailed = [
        Tried(
            "email", row["target"], _MAIL.get(row["state"], "waiting"), row["reason"], row["path"]
        )
        for row in tx.all(_MAILED, test_id=test_id)
    ]
    posted = [
        Tried(
            "webhook",
            row["target"],
            _POST.get(row["state"], "waiting"),
            f"{row['status'] or ''} {row['answer']}".strip() if row["tries"] else "",
            row["path"],
        )
        for row in tx.all(_POSTED, test_id=test_id)
    ]
    return (*mailed, *posted)


_MAIL = {"sent": "done", "delivered": "done", "failed": "failed"}
_POST = {"delivered": "done", "failed": "failed"}
