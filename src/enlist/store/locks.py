"""Counts in force of what was tried too often, whose they are, and ending them.

A row of the throttle names what it counts, and so whose it is, by an id. Strangers can have any
number of rows made: what is read of them ends at `MOST_SHOWN`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.store import limits
from enlist.store.listing import path_end
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx

MOST_SHOWN: Final = 500
"""Of each kind, and of what is counted on tokens."""

_LENGTH_OF_ID: Final = 36
_NO_NETWORKS: Final = (
    limits.BEGUN,
    limits.CHECKED,
    limits.API_SESSION,
    limits.RENEWAL,
    limits.SENT,
    limits.SELF_SERVICE,
    limits.ACCOUNT_LINK,
    limits.REFUSED,
    limits.TOLD,
    limits.ACCOUNT,
    limits.LOGIN,
)
"""What begins the names of all else that may be counted as often."""


def _begins(source: str, prefix: str) -> str:
    """Condition that a row of the throttle counts this; by LIKE, `_` would be any letter."""
    return f"substr({source}, 1, {len(prefix)}) = '{prefix}'"


def _whose(prefix: str, most: str = "") -> str:
    """The id in the name of a count; with `most`, where there are as many as that parameter."""
    enough = f" AND t.refused >= :{most}" if most else ""
    part = f"substr(t.source, {len(prefix) + 1}, {_LENGTH_OF_ID})"
    return f"WHEN {_begins('t.source', prefix)}{enough} THEN {part}"


# Names that nobody has are counted as well, as digests: strangers can make up any number of them.
# Only what names somebody is looked at, so they take no place from it. By CROSS JOIN, SQLite reads
# the counts and looks each up; not all users, and for each of them the counts.
_NAMED = f"""
    CASE {_whose(limits.ACCOUNT)}
         {_whose(limits.ACCOUNT_LINK, "links")}
         {_whose(limits.BEGUN, "attempts")}
         {_whose(limits.RENEWAL, "renewals")}
         {_whose(limits.API_SESSION, "api_sessions")}
    END"""
_OF_TEXT = """
    SELECT t.source, t.refused, t.window_ends_at, found.id
      FROM throttle t CROSS JOIN {table} found JOIN organization o ON o.id = found.organization_id
     WHERE found.id = {named} AND found.deleted_at IS NULL
       AND t.window_ends_at > :now AND t.refused > 0
       AND o.path >= :path AND o.path < :path_end
     ORDER BY t.window_ends_at DESC, t.source LIMIT :most
"""
_OF = {
    table: Query(
        f"lock.of_{table}",
        _OF_TEXT.format(table=table, named=_NAMED),
        postgres=_OF_TEXT.format(
            table=table,
            named=f"CASE WHEN length({_NAMED}) = {_LENGTH_OF_ID} THEN CAST({_NAMED} AS uuid) END",
        ),
    )
    for table in ("app_user", "enrollment", "device")
}
_OF_NETWORKS = Query(
    "lock.of_networks",
    f"""
    SELECT source, refused, window_ends_at FROM throttle
     WHERE window_ends_at > :now AND refused >= :refusals
       AND NOT ({" OR ".join(_begins("source", prefix) for prefix in _NO_NETWORKS)})
     ORDER BY window_ends_at DESC, source LIMIT :most
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
class Most:
    """From how many on each thing that is counted makes wait."""

    links: int
    attempts: int
    renewals: int
    api_sessions: int


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


def of_users(tx: Reader, path: str, most: Most) -> list[tuple[Id, Counted]]:
    """What makes users of the organization at `path` and below wait; what ends last, first."""
    return _of(tx, "app_user", path, most)


def of_enrollments(tx: Reader, path: str, most: Most) -> list[tuple[Id, Counted]]:
    """The same of enrollments."""
    return _of(tx, "enrollment", path, most)


def of_devices(tx: Reader, path: str, most: Most) -> list[tuple[Id, Counted]]:
    """The same of devices."""
    return _of(tx, "device", path, most)


def _of(tx: Reader, table: str, path: str, most: Most) -> list[tuple[Id, Counted]]:
    """One more than are shown, so that it can be said that there are more."""
    where = {"path": path, "path_end": path_end(path), "now": tx.now, "most": MOST_SHOWN + 1}
    return [(row["id"], _counted(row)) for row in tx.all(_OF[table], **where, **asdict(most))]


def of_networks(tx: Reader, refusals: int) -> list[Counted]:
    """The same of networks."""
    rows = tx.all(_OF_NETWORKS, refusals=refusals, now=tx.now, most=MOST_SHOWN + 1)
    return [_counted(row) for row in rows]


def live_among(tx: Reader, sources: Iterable[str]) -> list[Counted]:
    """The counts in force among these."""
    rows = [{"source": source} for source in sorted(set(sources))]
    return [_counted(row) for row in tx.each(_LIVE_AMONG, rows, now=tx.now)]


def clear(tx: Tx, sources: Iterable[str]) -> list[Counted]:
    """End these counts; answers those that were in force."""
    rows = [{"source": source} for source in sorted(set(sources))]
    return [_counted(row) for row in tx.each(_CLEAR, rows, now=tx.now)] if rows else []


def with_wrong_logins(tx: Reader, path: str) -> Sequence[Guessed]:
    """The live tokens of the organization at `path` and below that count any; newest first."""
    asked = {"path": path, "path_end": path_end(path), "now": tx.now, "most": MOST_SHOWN + 1}
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
