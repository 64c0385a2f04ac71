"""Events in the order of the sealed log, for whoever takes them elsewhere.

Ids are made before a commit, so a slow transaction may bring an event with a smaller id than one
that a reader has already. The sealer's order has no such gap: a place is given after the commit,
the next one is always higher, and none is taken back. Who has read up to a place has read all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.core.model import EventRow
from enlist.store.events import FIELDS, NOT_ABOUT_STAFF, event_of
from enlist.store.listing import path_end
from enlist.store.seals import read_by_index
from enlist.store.tx import Query, Reader, Row

SPAN: Final = 5_000
"""How many places are looked through at once for those that somebody wants."""

BEFORE_ALL: Final = -1
"""The place behind which everything is."""

_PLACE = Query("feed.place", "SELECT seq FROM event_seal WHERE event_id = :event_id")
_WHERE = Query(
    "feed.where",
    """
    SELECT o.path FROM event e JOIN organization o ON o.id = e.organization_id
     WHERE e.id = :event_id
    """,
)
_LAST = Query("feed.last", "SELECT seq, event_id FROM event_seal ORDER BY seq DESC LIMIT 1")
_LEAF = Query("feed.leaf", "SELECT leaf FROM event_seal WHERE seq = :seq")
_WANTED = """
     WHERE s.seq > :after AND s.seq <= :last AND o.path >= :path AND o.path < :path_end
       AND (:kinds = '' OR :kinds LIKE '%|' || e.kind || '|%')
       AND (:marks = '[]' OR e.kind NOT LIKE '%.refused' OR {marked})
"""
_BETWEEN = f"""
    SELECT s.seq, o.group_id, o.path, {FIELDS}
      FROM event_seal s JOIN event e ON e.id = s.event_id
      JOIN organization o ON o.id = e.organization_id
      {_WANTED}
""".format(
    marked="EXISTS (SELECT 1 FROM json_each(:marks) AS mark WHERE instr(e.entry, mark.value) > 0)"
)
# One after the other: a plan made while the log was short would read all of it for each stretch.
_BETWEEN_POSTGRES = f"""
    SELECT s.seq, o.group_id, o.path, {FIELDS}
      FROM event_seal s
      CROSS JOIN LATERAL (SELECT * FROM event WHERE event.id = s.event_id LIMIT 1) AS e
      JOIN organization o ON o.id = e.organization_id
      {_WANTED}
""".format(
    marked="""e.entry LIKE ANY (ARRAY(
        SELECT '%' || mark.text || '%'
          FROM json_array_elements_text(CAST(:marks AS json)) AS mark (text)))"""
)
_END = "ORDER BY s.seq LIMIT :limit"
_EVENTS = Query("feed.events", f"{_BETWEEN} {_END}", postgres=f"{_BETWEEN_POSTGRES} {_END}")
_DISCREETLY = Query(
    "feed.events_without_staff",
    f"{_BETWEEN} AND {NOT_ABOUT_STAFF} {_END}",
    postgres=f"{_BETWEEN_POSTGRES} AND {NOT_ABOUT_STAFF} {_END}",
)


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event and its place in the order.

    Attributes:
        seq: from 0 on, without gaps.
        group_id, path: of the event's organization.
    """

    seq: int
    group_id: str
    path: str
    event: EventRow


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some neighbours in the order, and of them the events that were wanted.

    Attributes:
        last: the place up to which was looked.
        more: whether there are places behind it already.
    """

    items: tuple[SealedEvent, ...]
    last: int
    more: bool


def place(tx: Reader, event_id: Id) -> int | None:
    """Where an event stands; None where it has no place."""
    row = tx.one(_PLACE, event_id=event_id)
    return None if row is None else int(row["seq"])


def path_of(tx: Reader, event_id: Id) -> str | None:
    """The organization of an event, sealed or not; None where there is none."""
    row = tx.one(_WHERE, event_id=event_id)
    return None if row is None else str(row["path"])


def last(tx: Reader) -> int:
    """The last place that is taken; `BEFORE_ALL` in an empty log."""
    row = tx.one(_LAST)
    return BEFORE_ALL if row is None else int(row["seq"])


def leaf(tx: Reader, seq: int) -> bytes | None:
    """What is sealed at a place; it names the event there, and what it says."""
    row = tx.one(_LEAF, seq=seq)
    return None if row is None else bytes(row["leaf"])


def after(
    tx: Reader,
    seq: int,
    path: str,
    limit: int,
    *,
    kinds: Sequence[str] = (),
    marks: Sequence[str] = (),
    staff: bool = True,
) -> Stretch:
    """Events behind a place, of an organization and below, in order.

    Args:
        limit: how many at most.
        kinds: only these; all if none is named.
        marks: of refusals only those in whose entry one of these texts stands; all if there is
            none. Strangers can make thousands of them a second.
        staff: whether also what is about people who hold roles.
    """
    end = last(tx)
    read_by_index(tx)
    until = min(seq + SPAN, end)
    rows = tx.all(
        _EVENTS if staff else _DISCREETLY,
        after=seq,
        last=until,
        path=path,
        path_end=path_end(path),
        kinds=f"|{'|'.join(kinds)}|" if kinds else "",
        marks=json.dumps(marks),
        limit=limit,
    )
    items = tuple(_sealed(row) for row in rows)
    looked = items[-1].seq if len(items) == limit else max(until, seq)
    return Stretch(items, looked, looked < end)


def _sealed(row: Row) -> SealedEvent:
    return SealedEvent(int(row["seq"]), row["group_id"], row["path"], event_of(row))
