"""Counts in force of what was tried too often, whose they are, and ending them.

The throttle's rows name accounts by keyed digests alone; `people` is what they can be matched with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import NOTHING, Id
from enlist.store.listing import path_end
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx

_AT_ONCE: Final = 5_000
MOST_SHOWN: Final = 500
"""Of what is counted on tokens."""

_LIVE = Query(
    "lock.live",
    """
    SELECT source, refused, window_ends_at FROM throttle
     WHERE window_ends_at > :now AND refused > 0
       AND substr(source, 1, 5) NOT IN ('told:', 'sent:') AND substr(source, 1, 8) <> 'refused:'
     ORDER BY window_ends_at DESC, source
    """,
)
_LIVE_AMONG = SetQuery(
    "lock.live_among",
    "source text",
    """
    SELECT t.source, t.refused, t.window_ends_at
      FROM asked JOIN throttle t ON t.source = asked.source
     WHERE t.window_ends_at > :now AND t.refused > 0
    """,
)
_CLEAR = SetQuery(
    "lock.clear",
    "source text",
    """
    DELETE FROM throttle
     WHERE source IN (SELECT source FROM asked) AND window_ends_at > :now AND refused > 0
    RETURNING source, refused, window_ends_at
    """,
)
_PEOPLE = Query(
    "lock.people",
    """
    SELECT u.id, u.username, u.email, o.id AS organization_id, o.path, o.group_id
      FROM app_user u JOIN organization o ON o.id = u.organization_id
     WHERE u.deleted_at IS NULL AND o.path >= :path AND o.path < :path_end AND u.id > :after
     ORDER BY u.id LIMIT :most
    """,
)
_WRONG_LOGINS = """
    SELECT e.id, e.wrong_logins, COALESCE(d.name, u.username, '') AS name, e.user_id,
           o.id AS organization_id, o.path, o.group_id
      FROM enrollment e JOIN organization o ON o.id = e.organization_id
           LEFT JOIN device d ON d.id = e.device_id LEFT JOIN app_user u ON u.id = e.user_id
     WHERE e.wrong_logins > 0 AND e.state = 'active'
       AND e.expires_at > :now
"""
_WITH_WRONG_LOGINS = Query(
    "lock.with_wrong_logins",
    f"""{_WRONG_LOGINS} AND o.path >= :path AND o.path < :path_end
     ORDER BY e.id DESC LIMIT :most""",
)
_WRONG_LOGINS_ON = Query("lock.wrong_logins_on", f"{_WRONG_LOGINS} AND e.id = :id")


@dataclass(frozen=True, slots=True)
class Counted:
    """A row of the throttle: what it counts by, how many, and when it is forgotten."""

    source: str
    times: int
    ends_at: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose account may have to wait."""

    id: Id
    username: str
    email: str
    organization_id: Id
    organization_path: str
    group_id: str


@dataclass(frozen=True, slots=True)
class Guessed:
    """A live token beside which wrong logins were given."""

    id: Id
    times: int
    name: str
    user_id: Id | None
    organization_id: Id
    organization_path: str
    group_id: str


def live(tx: Reader) -> list[Counted]:
    """Every count in force but those of messages and of what was written down."""
    return [_counted(row) for row in tx.all(_LIVE, now=tx.now)]


def live_among(tx: Reader, sources: Iterable[str]) -> list[Counted]:
    """The counts in force among these."""
    rows = [{"source": source} for source in sorted(set(sources))]
    return [_counted(row) for row in tx.each(_LIVE_AMONG, rows, now=tx.now)]


def clear(tx: Tx, sources: Iterable[str]) -> list[Counted]:
    """End these counts; answers those that were in force."""
    rows = [{"source": source} for source in sorted(set(sources))]
    return [_counted(row) for row in tx.each(_CLEAR, rows, now=tx.now)] if rows else []


def people(tx: Reader, path: str) -> Iterator[Person]:
    """Everybody of the organization at `path` and below; read as far as it is asked for."""
    after = NOTHING
    while True:
        rows = tx.all(_PEOPLE, path=path, path_end=path_end(path), after=after, most=_AT_ONCE)
        for row in rows:
            yield Person(
                row["id"],
                row["username"],
                row["email"],
                row["organization_id"],
                row["path"],
                row["group_id"],
            )
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1]["id"]


def with_wrong_logins(tx: Reader, path: str) -> Sequence[Guessed]:
    """The live tokens of the organization at `path` and below that count any; newest first."""
    asked = {"path": path, "path_end": path_end(path), "now": tx.now, "most": MOST_SHOWN}
    return [_guessed(row) for row in tx.all(_WITH_WRONG_LOGINS, **asked)]


def wrong_logins_on(tx: Reader, enrollment_id: Id) -> Guessed | None:
    """What is counted on one live token, where anything is."""
    row = tx.one(_WRONG_LOGINS_ON, id=enrollment_id, now=tx.now)
    return None if row is None else _guessed(row)


def _counted(row: Row) -> Counted:
    return Counted(row["source"], int(row["refused"]), int(row["window_ends_at"]))


def _guessed(row: Row) -> Guessed:
    return Guessed(
        row["id"],
        int(row["wrong_logins"]),
        row["name"],
        row["user_id"],
        row["organization_id"],
        row["path"],
        row["group_id"],
    )
