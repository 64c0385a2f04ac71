"""API sessions: an OpenZiti client proved itself once, and shows a token from then on.

Each look at one asks its credential, its device and its user again: what was taken away is gone at
the next request, whoever took it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx

_GOOD = """
      FROM credential c
      JOIN device d ON d.id = c.device_id
      LEFT JOIN app_user u ON u.id = d.user_id
     WHERE c.revoked_at IS NULL AND c.not_after > :now AND d.state = 'enrolled'
       AND d.deleted_at IS NULL AND (u.id IS NULL OR (u.state = 'active' AND u.deleted_at IS NULL))
"""
_START = Query(
    "api_session.start",
    f"""
    INSERT INTO api_session (id, digest, device_id, credential_id, generation, started_at,
                             last_seen_at, address)
    SELECT CAST(:id AS text), CAST(:digest AS blob), c.device_id, c.id, c.generation, :now, :now,
           CAST(:address AS text)
    {_GOOD} AND c.id = :credential_id
    """,
    postgres=f"""
    INSERT INTO api_session (id, digest, device_id, credential_id, generation, started_at,
                             last_seen_at, address)
    SELECT CAST(:id AS uuid), CAST(:digest AS bytea), c.device_id, c.id, c.generation,
           CAST(:now AS bigint), CAST(:now AS bigint), CAST(:address AS text)
    {_GOOD} AND c.id = :credential_id
    """,
)
_BY_DIGEST = Query(
    "api_session.by_digest",
    """
    SELECT s.id, s.device_id, s.credential_id, s.started_at, s.last_seen_at, s.address
      FROM api_session s
      JOIN credential c ON c.id = s.credential_id AND c.generation = s.generation
      JOIN device d ON d.id = c.device_id
      LEFT JOIN app_user u ON u.id = d.user_id
     WHERE s.digest = :digest AND s.last_seen_at > :idle_since
       AND c.revoked_at IS NULL AND c.not_after > :now AND d.state = 'enrolled'
       AND d.deleted_at IS NULL AND (u.id IS NULL OR (u.state = 'active' AND u.deleted_at IS NULL))
    """,
)
_HOLDERS_EACH = SetQuery(
    "api_session.holders_each",
    "device_id uuid",
    """
    SELECT DISTINCT s.device_id FROM asked
      JOIN api_session s ON s.device_id = asked.device_id
      JOIN credential c ON c.id = s.credential_id AND c.generation = s.generation
     WHERE s.last_seen_at > :idle_since AND c.revoked_at IS NULL AND c.not_after > :now
    """,
)
_SEEN = Query("api_session.seen", "UPDATE api_session SET last_seen_at = :now WHERE id = :id")
_END = Query("api_session.end", "DELETE FROM api_session WHERE id = :id")
_END_BEYOND = Query(
    "api_session.end_beyond",
    """
    DELETE FROM api_session
     WHERE device_id = :device_id
       AND id < (SELECT s.id FROM api_session s WHERE s.device_id = :device_id
                  ORDER BY s.id DESC LIMIT 1 OFFSET :kept)
    """,
)
_TAKE_OVER = Query(
    "api_session.take_over",
    """
    UPDATE api_session
       SET credential_id = :credential_id,
           generation = (SELECT c.generation FROM credential c WHERE c.id = :credential_id)
     WHERE id = :id AND credential_id = :before
    """,
)
_SWEEP = Query("api_session.sweep", "DELETE FROM api_session WHERE last_seen_at < :idle_since")


@dataclass(frozen=True, slots=True)
class ApiSession:
    """A session whose credential is as good as when it began."""

    id: Id
    device_id: Id
    credential_id: Id
    started_at: int
    last_seen_at: int
    address: str


def start(tx: Tx, session_id: Id, digest: bytes, credential_id: Id, address: str) -> bool:
    """Begin a session; False when the credential counts no more."""
    begun = tx.run(
        _START,
        id=session_id,
        digest=digest,
        credential_id=credential_id,
        address=address,
        now=tx.now,
    )
    return begun == 1


def find(tx: Reader, digests: Sequence[bytes], idle_since: int) -> ApiSession | None:
    """The session of a presented token, by its digests under each look-up key."""
    for digest in digests:
        row = tx.one(_BY_DIGEST, digest=digest, idle_since=idle_since, now=tx.now)
        if row is not None:
            return _session(row)
    return None


def holders(tx: Reader, device_ids: Iterable[Id], idle_since: int) -> set[Id]:
    """Those of these devices that have a session."""
    rows = [{"device_id": each} for each in device_ids]
    found = tx.each(_HOLDERS_EACH, rows, idle_since=idle_since, now=tx.now)
    return {str(row["device_id"]) for row in found}


def seen(tx: Tx, session_id: Id) -> None:
    """The session was used now."""
    tx.run(_SEEN, id=session_id, now=tx.now)


def end(tx: Tx, session_id: Id) -> bool:
    """End a session; False when it was over."""
    return tx.run(_END, id=session_id) == 1


def end_beyond(tx: Tx, device_id: Id, most: int) -> None:
    """End a device's oldest sessions, so that it has at most as many."""
    tx.run(_END_BEYOND, device_id=device_id, kept=most - 1)


def take_over(tx: Tx, session_id: Id, before: Id, credential_id: Id) -> None:
    """Let a session of a credential go on under the one that takes its place."""
    tx.run(_TAKE_OVER, id=session_id, before=before, credential_id=credential_id)


def sweep(tx: Tx, idle_since: int) -> int:
    """Forget sessions that were not used since; answer how many."""
    return tx.run(_SWEEP, idle_since=idle_since)


def _session(row: Row) -> ApiSession:
    return ApiSession(
        id=row["id"],
        device_id=row["device_id"],
        credential_id=row["credential_id"],
        started_at=row["started_at"],
        last_seen_at=row["last_seen_at"],
        address=row["address"],
    )
