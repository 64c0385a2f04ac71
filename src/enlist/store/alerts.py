"""Alerts: one row for each organization, kind and subject, that opens and closes.

Two processes may see the same thing amiss at the same moment. That it opens, that it closes and
that somebody is told are each one conditional statement on that row, so each happens once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id, new_id
from enlist.core.outcomes import Refusal
from enlist.store.listing import Listing, Page, PageRequest, path_end
from enlist.store.tx import Query, Reader, Row, Tx
from enlist.store.users import NOT_STAFF

_COLUMNS = """
    SELECT a.id, a.organization_id, o.path AS organization_path, o.group_id, a.kind, a.subject,
           a.state, a.details, a.user_id, a.device_id, a.event_id, a.times, a.first_at, a.last_at,
           a.opened_at, a.closed_at, a.told_at, a.left_out,
           COALESCE(d.name, '') AS device_name,
           CASE WHEN substr(h.path, 1, length(o.path)) = o.path
                THEN u.username ELSE '' END AS username
      FROM alert a
      JOIN organization o ON o.id = a.organization_id
      LEFT JOIN device d ON d.id = a.device_id
      LEFT JOIN app_user u ON u.id = a.user_id
      LEFT JOIN organization h ON h.id = u.organization_id
"""
_FIND = Query("alert.find", f"{_COLUMNS} WHERE a.id = :id")
_OF = Query(
    "alert.of",
    f"{_COLUMNS} WHERE a.organization_id = :organization_id AND a.kind = :kind "
    "AND a.subject = :subject",
)
_OPEN_ONES = Query(
    "alert.open_ones",
    f"{_COLUMNS} WHERE a.state = 'open' AND o.path >= :path AND o.path < :path_end "
    "ORDER BY a.opened_at DESC, a.id LIMIT :limit",
)
_WITHOUT_STAFF = f"(a.user_id IS NULL OR {NOT_STAFF.format(user='a.user_id')})"
_DISCREETLY = Query(
    "alert.open_ones_without_staff",
    f"{_COLUMNS} WHERE a.state = 'open' AND o.path >= :path AND o.path < :path_end "
    f"AND {_WITHOUT_STAFF} ORDER BY a.opened_at DESC, a.id LIMIT :limit",
)
_NOTE = Query(
    "alert.note",
    # What happened so long ago that it is forgotten does not count with what happens now.
    """
    INSERT INTO alert (id, organization_id, kind, subject, state, details, user_id, device_id,
                       event_id, times, first_at, last_at)
    VALUES (:id, :organization_id, :kind, :subject, 'closed', :details, :user_id, :device_id,
            :event_id, 1, :at, :at)
    ON CONFLICT (organization_id, kind, subject) DO UPDATE SET
        times = CASE WHEN alert.state = 'closed' AND alert.last_at <= :forgotten
                     THEN 1 ELSE alert.times + 1 END,
        first_at = CASE WHEN alert.state = 'closed'
                             AND (alert.times = 0 OR alert.last_at <= :forgotten)
                        THEN excluded.first_at ELSE alert.first_at END,
        last_at = CASE WHEN alert.last_at > excluded.last_at
                       THEN alert.last_at ELSE excluded.last_at END,
        details = excluded.details,
        user_id = excluded.user_id,
        device_id = excluded.device_id,
        event_id = excluded.event_id
    """,
)
_OPEN = Query(
    "alert.open",
    """
    UPDATE alert SET state = 'open', opened_at = :now
     WHERE organization_id = :organization_id AND kind = :kind AND subject = :subject
       AND state = 'closed' AND times >= :after
    """,
)
_TELL = Query(
    "alert.tell",
    # What was told lately, closed, and is open again so soon goes to and fro: nobody reads that.
    """
    UPDATE alert SET told_at = :now
     WHERE id = :id AND state = 'open' AND (told_at IS NULL OR closed_at <= :settled)
       AND (told_at IS NULL OR told_at < opened_at)
    """,
)
_LEFT_OUT = Query("alert.left_out", "UPDATE alert SET left_out = :left_out WHERE id = :id")
_CLOSE = Query(
    "alert.close",
    """
    UPDATE alert SET state = 'closed', closed_at = :now, times = 0
     WHERE id = :id AND state = 'open' AND last_at = :last_at
    """,
)
_RESET = Query(
    "alert.reset",
    """
    UPDATE alert SET times = 0
     WHERE organization_id = :organization_id AND kind = :kind AND subject = :subject
       AND state = 'closed' AND times > 0
    """,
)
_PLACE = Query("alert.place", "SELECT seq FROM alert_log WHERE place = 1")
_MOVE = Query("alert.move", "UPDATE alert_log SET seq = :last WHERE place = 1 AND seq = :seq")
_LIST = Listing(
    "alerts",
    f"{_COLUMNS} WHERE a.opened_at IS NOT NULL",
    id="a.id",
    path="o.path",
    sorts={"opened_at": "a.opened_at", "kind": "a.kind"},
    default_sort="-opened_at",
    filters={
        "id": "a.id = :id",
        "state": "a.state = :state",
        "kind": "a.kind = :kind",
        "without_staff": _WITHOUT_STAFF,
    },
    search=("a.kind", "a.details", "COALESCE(d.name, '')"),
)
LONGEST: Final = 500
"""Characters of what is known of an alert."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is amiss, or was.

    Attributes:
        subject: what it is about, within its kind; an id, or a word.
        state: `open` or `closed`.
        details: what is known of it, in one line.
        username: "" where the user belongs to an organization above.
        event_id: of what happened last, where it is something in the log.
        times: how often it was seen since it began.
        told_at: when people were told last; None for never.
        left_out: how many were written no e-mail then, as they had been sent too many (S41).
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    kind: str
    subject: str
    state: str
    details: str
    user_id: Id | None
    device_id: Id | None
    event_id: Id | None
    times: int
    first_at: int
    last_at: int
    opened_at: int | None
    closed_at: int | None
    told_at: int | None
    left_out: int
    device_name: str
    username: str


@dataclass(frozen=True, slots=True)
class Amiss:
    """Something seen amiss at a moment."""

    organization_id: Id
    kind: str
    subject: str
    details: str
    at: int
    user_id: Id | None = None
    device_id: Id | None = None
    event_id: Id | None = None


def find(tx: Reader, alert_id: Id) -> Alert | None:
    """One alert."""
    row = tx.one(_FIND, id=alert_id)
    return None if row is None else _alert(row)


def of(tx: Reader, organization_id: Id, kind: str, subject: str) -> Alert | None:
    """The alert of this kind about this subject."""
    row = tx.one(_OF, organization_id=organization_id, kind=kind, subject=subject)
    return None if row is None else _alert(row)


def open_ones(
    tx: Reader, path: str, limit: int = 10_000, *, without_staff: bool = False
) -> list[Alert]:
    """The open alerts of an organization and below, newest first."""
    query = _DISCREETLY if without_staff else _OPEN_ONES
    rows = tx.all(query, path=path, path_end=path_end(path), limit=limit)
    return [_alert(row) for row in rows]


def note(tx: Tx, amiss: Amiss, forgotten: int) -> None:
    """Count one more; what came before `forgotten` and led to nothing does not count."""
    tx.run(
        _NOTE,
        id=new_id(tx.now),
        organization_id=amiss.organization_id,
        kind=amiss.kind,
        subject=amiss.subject,
        details=amiss.details[:LONGEST],
        user_id=amiss.user_id,
        device_id=amiss.device_id,
        event_id=amiss.event_id,
        at=amiss.at,
        forgotten=forgotten,
    )


def open_(tx: Tx, amiss: Amiss, after: int) -> bool:
    """Open it where it was seen so often; False where it is open, or somebody else opened it."""
    given = {"organization_id": amiss.organization_id, "kind": amiss.kind}
    return tx.run(_OPEN, **given, subject=amiss.subject, after=after, now=tx.now) == 1


def tell(tx: Tx, alert_id: Id, settled: int) -> bool:
    """Be the one who tells of it; False where it was told, or had closed only after `settled`."""
    return tx.run(_TELL, id=alert_id, now=tx.now, settled=settled) == 1


def left_out(tx: Tx, alert_id: Id, count: int) -> None:
    """Keep how many of those who are told were written no e-mail."""
    tx.run(_LEFT_OUT, id=alert_id, left_out=count)


def close(tx: Tx, alert: Alert) -> bool:
    """It is well again; False where it was seen once more meanwhile."""
    return tx.run(_CLOSE, id=alert.id, last_at=alert.last_at, now=tx.now) == 1


def reset(tx: Tx, organization_id: Id, kind: str, subject: str) -> None:
    """What was counted so far, and did not open it, counts no more."""
    tx.run(_RESET, organization_id=organization_id, kind=kind, subject=subject)


def place(tx: Reader) -> int:
    """Up to which place of the sealed log was looked for what raises alerts."""
    row = tx.one(_PLACE)
    return -1 if row is None else int(row["seq"])


def move(tx: Tx, seq: int, last: int) -> bool:
    """Go on to a place; False where somebody else did."""
    return tx.run(_MOVE, seq=seq, last=last) == 1


def page(tx: Reader, request: PageRequest) -> Page[Alert] | Refusal:
    """Alerts of a subtree, open ones and those that were."""
    return _LIST.page(tx, request, _alert)


def _alert(row: Row) -> Alert:
    return Alert(**{name: row[name] for name in Alert.__dataclass_fields__})
