"""Which key the device listener shows: one-time JWTs that are out were signed by it."""

from __future__ import annotations

from enlist.store.tx import Query, Reader, Tx

_NEWEST = Query(
    "listener_key.newest", "SELECT id FROM listener_key ORDER BY known_since DESC, id LIMIT 1"
)
_NOTE = Query(
    "listener_key.note",
    # Later than all others, whatever the clock was set back to: else the last would not be newest.
    # Of several processes that note it at the same moment one does: the others waited for its row,
    # and find it later than all that there were.
    """
    INSERT INTO listener_key (id, known_since)
    SELECT CAST(:id AS text), CASE WHEN last >= :now THEN last + 1 ELSE CAST(:now AS bigint) END
      FROM (SELECT COALESCE(max(known_since), 0) AS last FROM listener_key) AS others
     WHERE 1 = 1
    ON CONFLICT (id) DO UPDATE SET known_since = excluded.known_since
     WHERE listener_key.known_since < (SELECT max(known_since) FROM listener_key)
    """,
)
_OUT = Query(
    "listener_key.out",
    """
    SELECT count(*) AS found FROM enrollment
     WHERE grant_kind = 'one_time_jwt' AND state = 'active' AND expires_at > :now
       AND deleted_at IS NULL
    """,
)


def newest(tx: Reader) -> str | None:
    """The name of the key that was shown last; None before the first."""
    row = tx.one(_NEWEST)
    return None if row is None else str(row["id"])


def note(tx: Tx, key_id: str) -> bool:
    """This key is shown from now on; False where that was noted already."""
    return tx.run(_NOTE, id=key_id, now=tx.now) == 1


def jwts_out(tx: Reader) -> int:
    """How many JWTs could be out there, to be used."""
    row = tx.one(_OUT, now=tx.now)
    return 0 if row is None else int(row["found"])
