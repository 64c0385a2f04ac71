"""The outbox: messages are rows, written with what they speak of, sent by a worker later.

A row holds whom to write to and which template, never the text: the token is derived while the
message is sent, and nowhere kept. A worker claims by conditional update; a claim runs out, so a
worker that dies loses nothing, and may at worst send twice, with the same Message-ID (X12).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.core.model import Message, MessageState, display_name
from enlist.core.outcomes import Refusal
from enlist.store.ahead import ReadAhead
from enlist.store.listing import NAMED_WITHIN, Listing, Page, PageRequest, path_end
from enlist.store.narrowing import Narrowing, Searched, by_owner
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx
from enlist.store.users import NOT_STAFF

_COLUMNS = """
    SELECT m.id, m.organization_id, m.user_id, COALESCE(u.username, '') AS username,
           m.enrollment_id, m.generation, m.purpose, m.template, m.channel,
           m.recipient AS recipient, m.state, m.tries, m.next_try_at, m.reason,
           m.message_id, m.queued_at, m.sent_at, m.provider_id, m.delivered_at
      FROM message m
      JOIN organization o ON o.id = m.organization_id
      LEFT JOIN app_user u ON u.id = m.user_id
"""
_FIND = Query("message.find", f"{_COLUMNS} WHERE m.id = :id")
_OF_ENROLLMENT = Query(
    "message.of_enrollment",
    f"{_COLUMNS} WHERE m.enrollment_id = :enrollment_id ORDER BY m.id DESC LIMIT 50",
)
_OF_DEVICE = Query(
    "message.of_device",
    f"""{_COLUMNS} JOIN enrollment e ON e.id = m.enrollment_id
     WHERE e.device_id = :device_id ORDER BY m.id DESC LIMIT 50""",
)
_INSERT = Query(
    "message.insert",
    """
    INSERT INTO message (id, organization_id, user_id, enrollment_id, generation, purpose, template,
                         channel, recipient, state, next_try_at, message_id, queued_at)
    VALUES (:id, :organization_id, :user_id, :enrollment_id, :generation, :purpose, :template,
            :channel, :recipient, 'queued', :now, :message_id, :now)
    """,
)
INSERT_EACH = SetQuery(
    "message.insert_each",
    """id uuid, organization_id uuid, user_id uuid, enrollment_id uuid, generation integer,
    purpose text, template text, channel text, recipient text, message_id text""",
    """
    INSERT INTO message (id, organization_id, user_id, enrollment_id, generation, purpose, template,
                         channel, recipient, state, next_try_at, message_id, queued_at)
    SELECT id, organization_id, user_id, enrollment_id, generation, purpose, template, channel,
           recipient, 'queued', :now, message_id, :now
      FROM asked
    """,
)
_DUE = Query(
    "message.due",
    """
    SELECT m.id FROM message m
     WHERE m.state IN ('queued', 'sending') AND m.next_try_at <= :now AND m.claimed_until <= :now
       AND m.channel = :channel
     ORDER BY m.next_try_at LIMIT :limit
    """,
)
_IN_ORDER = Query(
    "message.in_order",
    "SELECT 1 AS done",
    # Until it counts rows again, PostgreSQL holds what a wave has just queued for a few messages,
    # and would read and sort all of them at each look.
    postgres="""
    SELECT set_config('enable_sort', 'off', true) || set_config('enable_bitmapscan', 'off', true)
           AS done
    """,
)
_FIND_EACH = SetQuery(
    "message.find_each",
    "id uuid",
    f"{_COLUMNS} JOIN asked ON asked.id = m.id",
    # One after the other: what a wave has just queued the planner takes for a few messages, and
    # would read all of them.
    postgres=f"""SELECT found.* FROM asked CROSS JOIN LATERAL ({_COLUMNS}
     WHERE m.id = asked.id OFFSET 0) AS found""",
)
_CLAIM_EACH = SetQuery(
    "message.claim_each",
    "id uuid",
    """
    UPDATE message
       SET state = 'sending', claimed_until = :claimed_until, tries = message.tries + 1
      FROM asked
     WHERE message.id = asked.id AND message.state IN ('queued', 'sending')
       AND message.claimed_until <= :now AND message.next_try_at <= :now
    RETURNING message.id
    """,
    # By nothing but their ids, for the same reason: what stands in a CASE finds no index.
    postgres="""
    UPDATE message
       SET state = 'sending', claimed_until = :claimed_until, tries = message.tries + 1
     WHERE message.id = ANY (ARRAY(SELECT asked.id FROM asked))
       AND CASE WHEN message.state IN ('queued', 'sending') AND message.claimed_until <= :now
                THEN message.next_try_at <= :now ELSE FALSE END
    RETURNING message.id
    """,
)
_SENT_EACH = SetQuery(
    "message.sent_each",
    "id uuid, tries integer, provider_id text",
    """
    UPDATE message
       SET state = 'sent', sent_at = :now, provider_id = asked.provider_id, reason = '',
           claimed_until = 0
      FROM asked
     WHERE message.id = asked.id AND message.state = 'sending' AND message.tries = asked.tries
    RETURNING message.id
    """,
    postgres="""
    UPDATE message
       SET state = 'sent', sent_at = :now, reason = '', claimed_until = 0,
           provider_id = (SELECT asked.provider_id FROM asked WHERE asked.id = message.id)
     WHERE message.id = ANY (ARRAY(SELECT asked.id FROM asked))
       AND CASE WHEN message.state = 'sending'
                THEN message.tries = (SELECT asked.tries FROM asked WHERE asked.id = message.id)
                ELSE FALSE END
    RETURNING message.id
    """,
)
_DELIVERED = Query(
    "message.delivered",
    # The report may be here before whoever sent it has written down that he did. It also tells the
    # truth about a try of which nobody heard the answer, so nothing is sent again.
    """
    UPDATE message
       SET state = 'delivered', delivered_at = :now, sent_at = COALESCE(sent_at, :now),
           reason = '', claimed_until = 0
     WHERE id = :id AND state <> 'delivered' AND tries > 0
    """,
)
_UNDELIVERED = Query(
    "message.undelivered",
    """
    UPDATE message SET state = 'failed', reason = :reason, claimed_until = 0
     WHERE id = :id AND state IN ('sending', 'sent') AND tries > 0
    """,
)
_LATER = Query(
    "message.later",
    """
    UPDATE message
       SET state = 'queued', next_try_at = :next_try_at, reason = :reason, claimed_until = 0
     WHERE id = :id AND state = 'sending' AND tries = :tries
    """,
)
_FAILED = Query(
    "message.failed",
    """
    UPDATE message SET state = 'failed', reason = :reason, claimed_until = 0
     WHERE id = :id AND state IN ('queued', 'sending') AND tries = :tries
    """,
)
_WAITING_OF_USER = Query(
    "message.waiting_of_user",
    """
    SELECT count(*) AS found FROM message
     WHERE user_id = :user_id AND state IN ('queued', 'sending')
    """,
)
_CANCEL_OF_USER = Query(
    "message.cancel_of_user",
    # One that is being sent this very moment may arrive yet: what it brings is dead by then.
    """
    UPDATE message SET state = 'failed', reason = :reason, claimed_until = 0
     WHERE user_id = :user_id AND state IN ('queued', 'sending')
    """,
)
_ISSUER = Query(
    "message.issuer",
    """
    SELECT u.first_name, u.last_name, u.username
      FROM enrollment e JOIN app_user u ON u.id = e.issuer_id
     WHERE e.id = :enrollment_id AND u.deleted_at IS NULL
    """,
)
_ISSUER_EACH = SetQuery(
    "message.issuer_each",
    "enrollment_id uuid",
    """
    SELECT e.id AS enrollment_id, u.first_name, u.last_name, u.username
      FROM asked JOIN enrollment e ON e.id = asked.enrollment_id
      JOIN app_user u ON u.id = e.issuer_id
     WHERE u.deleted_at IS NULL
    """,
    postgres="""
    SELECT found.* FROM asked CROSS JOIN LATERAL (
        SELECT e.id AS enrollment_id, u.first_name, u.last_name, u.username
          FROM enrollment e JOIN app_user u ON u.id = e.issuer_id
         WHERE e.id = asked.enrollment_id AND u.deleted_at IS NULL OFFSET 0) AS found
    """,
)
_COUNTS = Query(
    "message.counts",
    """
    SELECT m.state, count(*) AS found
      FROM message m JOIN organization o ON o.id = m.organization_id
     WHERE o.path >= :path AND o.path < :path_end
     GROUP BY m.state
    """,
)
_LIST = Listing(
    "messages",
    f"{_COLUMNS} WHERE 1 = 1",
    id="m.id",
    path="o.path",
    sorts={"queued_at": "m.id", "state": "m.state", "recipient": 'lower(m.recipient) COLLATE "C"'},
    default_sort="-queued_at",
    filters={
        "id": "m.id = :id",
        "state": "m.state = :state",
        "channel": "m.channel = :channel",
        "purpose": "m.purpose = :purpose",
        "user": "m.user_id = :user",
        "enrollment": "m.enrollment_id = :enrollment",
        "without_staff": NOT_STAFF.format(user="m.user_id"),
    },
    veil={
        "u.id = m.user_id": f"u.id = m.user_id AND {NAMED_WITHIN}",
        "m.recipient": """CASE WHEN m.user_id IS NULL OR u.id IS NOT NULL
                              THEN m.recipient ELSE '' END""",
    },
    narrowing=Narrowing(
        "messages",
        "message",
        (
            Searched("lower(m.recipient)", "lower(n.recipient)", "SELECT n.id FROM message n"),
            by_owner("message"),
        ),
        {
            "state": {
                **{
                    state: f"SELECT m.id FROM message m WHERE m.state = '{state}'"
                    for state in ("failed", "delivered")
                },
                **dict.fromkeys(
                    ("queued", "sending"),
                    "SELECT m.id FROM message m WHERE m.state IN ('queued', 'sending')",
                ),
            },
        },
    ),
    indexed=("recipient",),
)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message about to be queued. `template` is the name of one, "" for the default."""

    id: Id
    organization_id: Id
    user_id: Id | None
    enrollment_id: Id | None
    generation: int
    purpose: str
    template: str
    channel: str
    recipient: str
    message_id: str


def insert(tx: Tx, new: NewMessage) -> None:
    """Queue a message, in the transaction of what it speaks of."""
    tx.run(_INSERT, **row_of(new), now=tx.now)


def row_of(new: NewMessage) -> dict[str, object]:
    """What `INSERT_EACH` takes."""
    return {
        "id": new.id,
        "organization_id": new.organization_id,
        "user_id": new.user_id,
        "enrollment_id": new.enrollment_id,
        "generation": new.generation,
        "purpose": new.purpose,
        "template": new.template,
        "channel": new.channel,
        "recipient": new.recipient,
        "message_id": new.message_id,
    }


def find(tx: Reader, message_id: Id) -> Message | None:
    """One message."""
    row = tx.one(_FIND, id=message_id)
    return None if row is None else _message(row)


def of_enrollment(tx: Reader, enrollment_id: Id) -> list[Message]:
    """The messages about an enrollment, newest first."""
    return [_message(row) for row in tx.all(_OF_ENROLLMENT, enrollment_id=enrollment_id)]


def of_device(tx: Reader, device_id: Id) -> list[Message]:
    """The messages about a device's enrollments, newest first."""
    return [_message(row) for row in tx.all(_OF_DEVICE, device_id=device_id)]


def due(tx: Reader, channel: str, limit: int) -> list[Id]:
    """Messages that somebody should send now, by one channel."""
    tx.one(_IN_ORDER)
    return [row["id"] for row in tx.all(_DUE, now=tx.now, channel=channel, limit=limit)]


def claim(tx: Tx, message_ids: Sequence[Id], claimed_until: int) -> list[Message]:
    """Take messages for sending, in this order; none that another worker has, or that is done."""
    asked = [{"id": each} for each in message_ids]
    taken = tx.each(_CLAIM_EACH, asked, now=tx.now, claimed_until=claimed_until)
    found = {row["id"]: _message(row) for row in tx.each(_FIND_EACH, taken)}
    return [found[each] for each in message_ids if each in found]


@dataclass(frozen=True, slots=True)
class Handed:
    """A message that a channel has accepted; `tries` is the claim's."""

    id: Id
    tries: int
    provider_id: str = ""


def sent(tx: Tx, handed: Iterable[Handed]) -> set[Id]:
    """Whose state that is now; a worker whose claim has run out changes nothing."""
    rows = [
        {"id": each.id, "tries": each.tries, "provider_id": each.provider_id[:200]}
        for each in handed
    ]
    return {row["id"] for row in tx.each(_SENT_EACH, rows, now=tx.now)}


def delivered(tx: Tx, message_id: Id) -> bool:
    """Whoever took it reports that it arrived; True the first time."""
    return tx.run(_DELIVERED, id=message_id, now=tx.now) == 1


def undelivered(tx: Tx, message_id: Id, reason: str) -> bool:
    """Whoever took it reports that it did not arrive and will not."""
    return tx.run(_UNDELIVERED, id=message_id, reason=reason[:500]) == 1


def later(tx: Tx, message_id: Id, tries: int, next_try_at: int, reason: str) -> bool:
    """Not now: try again at `next_try_at`."""
    return (
        tx.run(_LATER, id=message_id, tries=tries, next_try_at=next_try_at, reason=reason[:500])
        == 1
    )


def failed(tx: Tx, message_id: Id, tries: int, reason: str) -> bool:
    """Given up, for a reason that the console shows."""
    return tx.run(_FAILED, id=message_id, tries=tries, reason=reason[:500]) == 1


def waiting_of_user(tx: Reader, user_id: Id) -> int:
    """How many messages to a user were not sent yet."""
    row = tx.one(_WAITING_OF_USER, user_id=user_id)
    return int(row["found"]) if row else 0


def cancel_of_user(tx: Tx, user_id: Id, reason: str) -> int:
    """Give up what was not sent to a user yet; answer how many."""
    return tx.run(_CANCEL_OF_USER, user_id=user_id, reason=reason)


def issuer(tx: Reader, enrollment_id: Id) -> str:
    """Name of the person who issued an enrollment, for its message; "" where it was nobody."""
    row = tx.one(_ISSUER, enrollment_id=enrollment_id)
    if row is None:
        return ""
    return display_name(row["first_name"], row["last_name"], row["username"])


def read_issuers_ahead(ahead: ReadAhead, enrollment_ids: Iterable[Id]) -> None:
    """Have asked what `issuer` will ask for these."""
    asked = set(enrollment_ids)

    def know(rows: list[Row]) -> None:
        found = {row["enrollment_id"]: [row] for row in rows}
        for each in asked:
            ahead.know(_ISSUER, found.get(each, []), enrollment_id=each)

    ahead.ask(_ISSUER_EACH, [{"enrollment_id": each} for each in asked], know)


def counts(tx: Reader, path: str) -> dict[str, int]:
    """How many messages of a subtree are in which state."""
    return {
        row["state"]: row["found"] for row in tx.all(_COUNTS, path=path, path_end=path_end(path))
    }


def page(tx: Reader, request: PageRequest) -> Page[Message] | Refusal:
    """Messages of a subtree."""
    return _LIST.page(tx, request, _message)


def _message(row: Row) -> Message:
    return Message(
        id=row["id"],
        organization_id=row["organization_id"],
        user_id=row["user_id"],
        username=row["username"],
        enrollment_id=row["enrollment_id"],
        generation=row["generation"],
        purpose=row["purpose"],
        template=row["template"],
        channel=row["channel"],
        recipient=row["recipient"],
        state=MessageState(row["state"]),
        tries=row["tries"],
        next_try_at=row["next_try_at"],
        reason=row["reason"],
        message_id=row["message_id"],
        queued_at=row["queued_at"],
        sent_at=row["sent_at"],
        provider_id=row["provider_id"],
        delivered_at=row["delivered_at"],
    )
