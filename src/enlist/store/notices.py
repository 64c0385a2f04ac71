"""Notices in the outbox: messages to whoever something happened to, or who is sent a password link.

Their address is read in the statement that queues them: what queues one need not know the user, and
who has no address, or is gone, is sent none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from enlist.core.ids import Id
from enlist.core.outcomes import Effect, Send
from enlist.store.tx import SetQuery, Tx

_INSERT_EACH = SetQuery(
    "notice.insert_each",
    """id uuid, organization_id uuid, user_id uuid, enrollment_id uuid, generation integer,
    purpose text, recipient text, message_id text""",
    """
    INSERT INTO message (id, organization_id, user_id, enrollment_id, generation, purpose, channel,
                         recipient, state, next_try_at, message_id, queued_at)
    SELECT asked.id, asked.organization_id, u.id, asked.enrollment_id, asked.generation,
           asked.purpose, 'email', COALESCE(NULLIF(asked.recipient, ''), u.email), 'queued', :now,
           asked.message_id, :now
      FROM asked JOIN app_user u ON u.id = asked.user_id
     WHERE u.deleted_at IS NULL AND COALESCE(NULLIF(asked.recipient, ''), u.email) <> ''
    RETURNING id
    """,
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice about to be queued.

    Attributes:
        user_id: to whom, and whose language and time zone it is written in.
        recipient: the address; "" for the user's own.
    """

    id: Id
    organization_id: Id
    user_id: Id
    purpose: str
    message_id: str
    enrollment_id: Id | None = None
    generation: int = 0
    recipient: str = ""


def queue(tx: Tx, notices: Iterable[Notice | None]) -> tuple[Effect, ...]:
    """Queue those that there are, in the transaction of what they tell."""
    rows = [asdict(each) for each in notices if each is not None]
    queued = tx.each(_INSERT_EACH, rows, now=tx.now) if rows else []
    return tuple(Send(row["id"]) for row in queued)
