"""What the database knows of the installation around it, for the picture that is drawn of it.

Somebody may look at that picture all day, and it looks again every few seconds: so whatever is
counted here is counted up to `MOST`, and nothing reads what grows without end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.ids import least_id
from enlist.store.listing import path_end
from enlist.store.tx import Query, Reader

MOST: Final = 10_000
"""As far as is counted; who sees this number knows that there are as many or more."""

_WITHIN = "o.deleted_at IS NULL AND o.path >= :path AND o.path < :path_end"
_COUNTS = Query(
    "infrastructure.counts",
    f"""
    SELECT (SELECT count(*) FROM (
                SELECT 1 FROM app_user u JOIN organization o ON o.id = u.organization_id
                 WHERE u.deleted_at IS NULL AND {_WITHIN} LIMIT :most) AS few_users) AS users,
           (SELECT count(*) FROM (
                SELECT 1 FROM device d JOIN organization o ON o.id = d.organization_id
                 WHERE d.deleted_at IS NULL AND d.state = 'enrolled' AND {_WITHIN}
                 LIMIT :most) AS few_devices) AS enrolled,
           (SELECT count(*) FROM (
                SELECT 1 FROM device_session s
                  JOIN server_process p ON p.id = s.process_id AND p.seen_at > :alive_since
                  JOIN device d ON d.id = s.device_id
                  JOIN organization o ON o.id = d.organization_id
                 WHERE {_WITHIN} LIMIT :most) AS few_sessions) AS connected
    """,
)
_OUTBOX = Query(
    "infrastructure.outbox",
    f"""
    SELECT few.channel, count(*) AS waiting, min(few.queued_at) AS oldest
      FROM (SELECT m.channel, m.queued_at
              FROM message m JOIN organization o ON o.id = m.organization_id
             WHERE m.state IN ('queued', 'sending') AND {_WITHIN}
             ORDER BY m.channel, m.next_try_at LIMIT :most) AS few
     GROUP BY few.channel
    """,
)
_DATABASE = Query(
    "infrastructure.database",
    """
    SELECT 'SQLite' AS product, sqlite_version() AS version, p.page_count * s.page_size AS size
      FROM pragma_page_count AS p, pragma_page_size AS s
    """,
    postgres="""
    SELECT 'PostgreSQL' AS product, current_setting('server_version') AS version,
           pg_database_size(current_database()) AS size
    """,
)
_PROCESSES = Query(
    "infrastructure.processes",
    "SELECT count(*) AS found FROM server_process p WHERE p.seen_at > :alive_since",
)
_SEALED = Query(
    "infrastructure.sealed",
    """
    SELECT e.at, CASE WHEN EXISTS (SELECT 1 FROM event_seal s WHERE s.event_id = e.id)
                      THEN 1 ELSE 0 END AS sealed
      FROM event e WHERE e.id < :before_id ORDER BY e.id DESC LIMIT 1
    """,
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are in a subtree, each up to `MOST`."""

    users: int
    enrolled: int
    connected: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages of a channel that are yet to be sent, up to `MOST`, and since when the first is."""

    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class DatabaseKind:
    """What the database is; `size` in bytes."""

    product: str
    version: str
    size: int


def counts(tx: Reader, path: str, alive_since: int) -> Counts:
    """People and devices of a subtree."""
    given = {"path": path, "path_end": path_end(path), "most": MOST}
    row = tx.one(_COUNTS, alive_since=alive_since, **given) or {}
    return Counts(row.get("users", 0), row.get("enrolled", 0), row.get("connected", 0))


def waiting(tx: Reader, path: str) -> dict[str, Waiting]:
    """What waits in the outbox of a subtree, by channel."""
    rows = tx.all(_OUTBOX, path=path, path_end=path_end(path), most=MOST)
    return {row["channel"]: Waiting(row["waiting"], row["oldest"]) for row in rows}


def database(tx: Reader) -> DatabaseKind:
    """What this is kept in."""
    row = tx.one(_DATABASE) or {}
    version = str(row.get("version", "")).partition(" ")[0]  # PostgreSQL adds who packed it
    return DatabaseKind(str(row.get("product", "")), version, int(row.get("size", 0)))


def processes(tx: Reader, alive_since: int) -> int:
    """How many server processes were seen lately, on all machines."""
    row = tx.one(_PROCESSES, alive_since=alive_since)
    return 0 if row is None else int(row["found"])


def unsealed_since(tx: Reader, before: int) -> int | None:
    """When the newest event before that moment happened, where it is not sealed."""
    row = tx.one(_SEALED, before_id=least_id(before))
    return None if row is None or row["sealed"] else int(row["at"])
