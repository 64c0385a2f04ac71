"""Whom a wave is for: what is to be done for each next, and how far each is.

How far somebody is stands in his enrollment and its newest message, which move by themselves: it
is asked when it is shown, and kept nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from enlist.core.ids import Id
from enlist.core.outcomes import Refusal
from enlist.store.listing import NAMED_WITHIN, Listing, Page, PageRequest, path_end
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx
from enlist.store.users import NOT_STAFF


class MemberState(StrEnum):
    """How far a member is."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    REDEEMED = "redeemed"
    FAILED = "failed"


class Task(StrEnum):
    """What is to be done for a member next."""

    ISSUE = "issue"
    RESEND = "resend"
    REMIND = "remind"


@dataclass(frozen=True, slots=True)
class NewMember:
    """Somebody whom a wave shall be for; by id, or by his folded user name.

    Attributes:
        named: as he was named.
        device_name, platform: other than the wave's; "" for those.
    """

    id: Id
    named: str
    user_id: Id | None
    folded: str
    device_name: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is, and what for."""

    member_id: Id
    task: Task
    user_id: Id | None
    user_name: str
    device_name: str
    platform: str
    enrollment_id: Id | None


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody whom a wave is for.

    Attributes:
        reason: why he failed: the code of a refusal, or what was said of his message.
        canary: he was in the share that came first.
    """

    id: Id
    user_id: Id | None
    username: str
    state: MemberState
    reason: str
    canary: bool
    reminded: bool
    enrollment_id: Id | None
    device_id: Id | None
    opened_at: int | None
    used_at: int | None
    expires_at: int | None
    recipient: str


_STATE: Final = """CASE WHEN m.state = 'failed' THEN 'failed'
        WHEN e.id IS NULL THEN 'queued'
        WHEN e.state = 'used' THEN 'redeemed'
        WHEN e.state = 'revoked' OR e.deleted_at IS NOT NULL THEN 'failed'
        WHEN e.expires_at <= :now THEN 'failed'
        WHEN e.opened_at IS NOT NULL THEN 'opened'
        WHEN g.state IN ('failed', 'delivered', 'sent') THEN g.state
        ELSE 'queued' END"""
_REASON: Final = """CASE WHEN m.state = 'failed' THEN m.reason
        WHEN e.id IS NULL OR e.state = 'used' THEN ''
        WHEN e.state = 'revoked' OR e.deleted_at IS NOT NULL THEN 'token_revoked'
        WHEN e.expires_at <= :now THEN 'token_expired'
        WHEN e.opened_at IS NULL AND g.state = 'failed' THEN g.reason
        ELSE '' END"""
_LIVE: Final = """e.state = 'active' AND e.deleted_at IS NULL AND e.expires_at > :now"""
_FROM: Final = """
      FROM wave_member m
      LEFT JOIN enrollment e ON e.id = m.enrollment_id
      LEFT JOIN message g ON g.id = e.message_id
"""
_INSERT_EACH = SetQuery(
    "wave_member.insert_each",
    "id uuid, named text, user_id uuid, folded text, device_name text, platform text",
    """
    INSERT INTO wave_member (id, wave_id, user_id, named, device_name, platform, task, state)
    SELECT asked.id, :wave_id,
           COALESCE((SELECT u.id FROM app_user u JOIN organization o ON o.id = u.organization_id
                      WHERE u.id = asked.user_id AND u.deleted_at IS NULL
                        AND o.path >= :path AND o.path < :path_end),
                    (SELECT u.id FROM app_user u JOIN organization o ON o.id = u.organization_id
                      WHERE u.username_folded = asked.folded AND u.deleted_at IS NULL
                        AND o.path >= :path AND o.path < :path_end)),
           asked.named, asked.device_name, asked.platform, 'issue', 'waiting'
      FROM asked WHERE 1 = 1
        ON CONFLICT DO NOTHING
    """,
)
_NEXT = Query(
    "wave_member.next",
    """
    SELECT m.id, m.task, m.user_id, m.device_name, m.platform, m.enrollment_id,
           COALESCE(u.username, m.named) AS username, u.first_name, u.last_name
      FROM wave_member m LEFT JOIN app_user u ON u.id = m.user_id
     WHERE m.wave_id = :wave_id AND m.task <> '' AND (:issuing = 1 OR m.task <> 'issue')
     ORDER BY m.id LIMIT 1
    """,
)
_ISSUED = Query(
    "wave_member.issued",
    """
    UPDATE wave_member SET task = '', state = 'issued', canary = :canary,
           enrollment_id = :enrollment_id
     WHERE id = :id AND task = 'issue'
    """,
)
_SENT = Query(
    "wave_member.sent", "UPDATE wave_member SET task = '' WHERE id = :id AND task = :task"
)
_FAILED = Query(
    "wave_member.failed",
    """
    UPDATE wave_member SET task = '', state = 'failed', canary = :canary, reason = :reason
     WHERE id = :id AND task = 'issue'
    """,
)
_STOP = Query(
    "wave_member.stop",
    """
    UPDATE wave_member
       SET state = CASE WHEN task = 'issue' THEN 'failed' ELSE state END,
           reason = CASE WHEN task = 'issue' THEN 'stopped' ELSE reason END, task = ''
     WHERE wave_id = :wave_id AND task <> ''
    """,
)
_RESEND = Query(
    "wave_member.resend",
    f"""
    UPDATE wave_member SET task = 'resend'
     WHERE wave_id = :wave_id AND task = '' AND state = 'issued'
       AND EXISTS (SELECT 1 FROM enrollment e WHERE e.id = wave_member.enrollment_id AND {_LIVE})
    """,
)
_RESENDABLE = Query(
    "wave_member.resendable",
    f"""
    SELECT count(*) AS found {_FROM}
     WHERE m.wave_id = :wave_id AND m.task = '' AND m.state = 'issued' AND {_LIVE}
       AND {_STATE} <> 'queued'
    """,
)
_REMIND = Query(
    "wave_member.remind",
    f"""
    UPDATE wave_member SET task = 'remind', reminded = 1
     WHERE wave_id = :wave_id AND task = '' AND state = 'issued' AND reminded = 0
       AND EXISTS (SELECT 1 FROM enrollment e
                    WHERE e.id = wave_member.enrollment_id AND {_LIVE}
                      AND e.expires_at <= :now + :ahead AND e.expires_at > e.issued_at + :ahead)
    """,
)
_NEXT_REMINDER = Query(
    "wave_member.next_reminder",
    f"""
    SELECT min(e.expires_at) - :ahead AS at
      FROM wave_member m JOIN enrollment e ON e.id = m.enrollment_id
     WHERE m.wave_id = :wave_id AND m.reminded = 0 AND {_LIVE}
       AND e.expires_at > e.issued_at + :ahead
    """,
)
_CANARIES = Query(
    "wave_member.canaries",
    """
    SELECT count(*) AS found
      FROM wave_member m JOIN enrollment e ON e.id = m.enrollment_id
     WHERE m.wave_id = :wave_id AND m.canary = 1 AND e.state = 'used'
    """,
)
_COUNTS = Query(
    "wave_member.counts",
    f"SELECT {_STATE} AS shown, count(*) AS found {_FROM} WHERE m.wave_id = :wave_id GROUP BY 1",
)
_LIST = Listing(
    "wave_members",
    f"""
    SELECT m.id, m.user_id,
           CASE WHEN m.user_id IS NULL OR u.id IS NOT NULL
                THEN COALESCE(u.username, m.named) ELSE '' END AS username,
           {_STATE} AS state, {_REASON} AS reason, m.canary, m.reminded, m.enrollment_id,
           e.device_id, e.opened_at, e.used_at, e.expires_at,
           CASE WHEN m.user_id IS NULL OR u.id IS NOT NULL
                THEN COALESCE(g.recipient, '') ELSE '' END AS recipient
      {_FROM}
      JOIN wave w ON w.id = m.wave_id
      JOIN organization o ON o.id = w.organization_id
      LEFT JOIN app_user u ON u.id = m.user_id
     WHERE 1 = 1
    """,
    id="m.id",
    path="o.path",
    sorts={"turn": "m.id"},
    default_sort="turn",
    filters={
        "wave": "m.wave_id = :wave",
        "state": f"{_STATE} = :state",
        "without_staff": f"m.user_id IS NULL OR {NOT_STAFF.format(user='m.user_id')}",
    },
    search=(
        (
            "(CASE WHEN m.user_id IS NULL OR u.id IS NOT NULL "
            "THEN COALESCE(u.username, m.named) ELSE '' END)"
        ),
    ),
    veil={"u.id = m.user_id": f"u.id = m.user_id AND {NAMED_WITHIN}"},
)


def insert_each(tx: Tx, wave_id: Id, path: str, members: Iterable[NewMember]) -> None:
    """Add members, each person once; who is not at `path` or below stays without a user."""
    rows: list[Mapping[str, object]] = [
        {
            "id": each.id,
            "named": each.named,
            "user_id": each.user_id,
            "folded": each.folded,
            "device_name": each.device_name,
            "platform": each.platform,
        }
        for each in members
    ]
    tx.each(_INSERT_EACH, rows, wave_id=wave_id, path=path, path_end=path_end(path))


def following(tx: Reader, wave_id: Id, *, issuing: bool) -> Turn | None:
    """Whose turn it is, in their order; of those who wait for a token only while `issuing`."""
    row = tx.one(_NEXT, wave_id=wave_id, issuing=int(issuing))
    if row is None:
        return None
    full = " ".join(part for part in (row["first_name"], row["last_name"]) if part)
    return Turn(
        member_id=row["id"],
        task=Task(row["task"]),
        user_id=row["user_id"],
        user_name=full or row["username"],
        device_name=row["device_name"],
        platform=row["platform"],
        enrollment_id=row["enrollment_id"],
    )


def issued(tx: Tx, member_id: Id, enrollment_id: Id, *, canary: bool) -> bool:
    """He has his enrollment; False where it was not his turn."""
    return tx.run(_ISSUED, id=member_id, enrollment_id=enrollment_id, canary=int(canary)) == 1


def sent(tx: Tx, member_id: Id, task: Task) -> bool:
    """He is sent his token once more; False where it was not his turn."""
    return tx.run(_SENT, id=member_id, task=task.value) == 1


def failed(tx: Tx, member_id: Id, reason: str, *, canary: bool) -> bool:
    """He cannot be issued anything; False where it was not his turn."""
    return tx.run(_FAILED, id=member_id, reason=reason, canary=int(canary)) == 1


def stop(tx: Tx, wave_id: Id) -> None:
    """Nobody's turn comes any more."""
    tx.run(_STOP, wave_id=wave_id)


def ask_to_resend(tx: Tx, wave_id: Id) -> int:
    """Whoever could still enroll and has not gets a turn to be sent his token; how many."""
    return tx.run(_RESEND, wave_id=wave_id, now=tx.now)


def resendable(tx: Reader, wave_id: Id) -> int:
    """How many of them were sent their token, or could not be, and can still enroll."""
    row = tx.one(_RESENDABLE, wave_id=wave_id, now=tx.now)
    return 0 if row is None else int(row["found"])


def ask_to_remind(tx: Tx, wave_id: Id, ahead: int) -> int:
    """The same for those whose tokens expire within `ahead`, each once; how many."""
    return tx.run(_REMIND, wave_id=wave_id, ahead=ahead, now=tx.now)


def next_reminder(tx: Reader, wave_id: Id, ahead: int) -> int | None:
    """When somebody is to be reminded next, as things are."""
    row = tx.one(_NEXT_REMINDER, wave_id=wave_id, ahead=ahead, now=tx.now)
    return None if row is None or row["at"] is None else int(row["at"])


def canaries_enrolled(tx: Reader, wave_id: Id) -> int:
    """How many of the first share have enrolled."""
    row = tx.one(_CANARIES, wave_id=wave_id)
    return 0 if row is None else int(row["found"])


def counts(tx: Reader, wave_id: Id) -> dict[MemberState, int]:
    """How many are how far."""
    found = {row["shown"]: row["found"] for row in tx.all(_COUNTS, wave_id=wave_id, now=tx.now)}
    return {state: found.get(state.value, 0) for state in MemberState}


def page(tx: Reader, request: PageRequest) -> Page[Member] | Refusal:
    """Members of a wave, in the order of their turns."""
    return _LIST.page(tx, request, _member)


def _member(row: Row) -> Member:
    return Member(
        id=row["id"],
        user_id=row["user_id"],
        username=row["username"],
        state=MemberState(row["state"]),
        reason=row["reason"],
        canary=bool(row["canary"]),
        reminded=bool(row["reminded"]),
        enrollment_id=row["enrollment_id"],
        device_id=row["device_id"],
        opened_at=row["opened_at"],
        used_at=row["used_at"],
        expires_at=row["expires_at"],
        recipient=row["recipient"],
    )
