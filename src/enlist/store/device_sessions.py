"""Live sessions of devices, whichever process holds them.

A session counts as live while its row is there and its process was seen lately (`alive_since`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.core.outcomes import Refusal
from enlist.core.sessions import DeviceSession, Ending, ProvedBy
from enlist.store import announcing
from enlist.store.listing import NAMED_WITHIN, Listing, Page, PageRequest
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx
from enlist.store.users import NOT_STAFF

_ALIVE = """EXISTS (SELECT 1 FROM server_process p
             WHERE p.id = s.process_id AND p.seen_at > :alive_since)"""
_COLUMNS = """
    SELECT s.id, s.device_id, d.name AS device_name, d.organization_id,
           o.path AS organization_path, o.group_id, d.user_id,
           COALESCE(u.username, '') AS username, s.credential_id,
           COALESCE(c.serial, '') AS credential_serial, s.proved_by, s.opened_at, s.address,
           s.user_agent
      FROM device_session s
      JOIN device d ON d.id = s.device_id
      JOIN organization o ON o.id = d.organization_id
      LEFT JOIN app_user u ON u.id = d.user_id
      LEFT JOIN credential c ON c.id = s.credential_id
"""
_INSERT = Query(
    "session.insert",
    # What `look` saw of the credential is asked again here: it may be revoked by now.
    """
    INSERT INTO device_session (id, device_id, credential_id, generation, process_id, proved_by,
                                opened_at, address, user_agent)
    SELECT :id, c.device_id, c.id, c.generation, :process_id, :proved_by, :now, :address,
           :user_agent
      FROM credential c
      JOIN device d ON d.id = c.device_id
      LEFT JOIN app_user u ON u.id = d.user_id
     WHERE c.id = :credential_id AND c.revoked_at IS NULL AND c.not_after > :now
       AND d.state = 'enrolled' AND d.deleted_at IS NULL AND (u.id IS NULL OR u.state = 'active')
    """,
)
_BEYOND = Query(
    "session.beyond",
    f"""
    SELECT s.id FROM device_session s WHERE s.device_id = :device_id AND {_ALIVE}
     ORDER BY s.id DESC LIMIT 100 OFFSET :most
    """,
)
_ENDED_EACH = SetQuery(
    "session.ended_each",
    "id uuid",
    """
    SELECT asked.id,
           CASE WHEN s.id IS NULL THEN 'disconnected'
                WHEN c.id IS NULL OR c.revoked_at IS NOT NULL OR d.deleted_at IS NOT NULL
                THEN 'credential_revoked'
                WHEN c.not_after <= :now THEN 'credential_expired'
                WHEN d.state = 'blocked' OR u.state <> 'active' THEN 'device_blocked'
                WHEN d.state <> 'enrolled' THEN 'credential_revoked'
                ELSE 'disconnected' END AS ending
      FROM asked
      LEFT JOIN device_session s ON s.id = asked.id
      LEFT JOIN credential c ON c.id = s.credential_id
      LEFT JOIN device d ON d.id = s.device_id
      LEFT JOIN app_user u ON u.id = d.user_id
     WHERE s.id IS NULL OR c.id IS NULL OR c.revoked_at IS NOT NULL OR c.not_after <= :now
        OR c.generation <> s.generation OR d.state <> 'enrolled' OR d.deleted_at IS NOT NULL
        OR u.state <> 'active'
    """,
)
_DELETE_EACH = SetQuery(
    "session.delete_each",
    "id uuid",
    """
    DELETE FROM device_session WHERE id IN (SELECT asked.id FROM asked) RETURNING id
    """,
)
_FIND = Query("session.find", f"{_COLUMNS} WHERE s.id = :id AND {_ALIVE}")
_FIND_EACH = SetQuery(
    "session.find_each", "id uuid", f"{_COLUMNS} WHERE s.id IN (SELECT asked.id FROM asked)"
)
_OF_DEVICE = Query(
    "session.of_device",
    f"{_COLUMNS} WHERE s.device_id = :device_id AND {_ALIVE} ORDER BY s.id DESC",
)
_OF_USER = Query(
    "session.of_user",
    f"{_COLUMNS} WHERE d.user_id = :user_id AND {_ALIVE} ORDER BY s.id DESC",
)
_SEEN = Query(
    "server_process.seen",
    """
    INSERT INTO server_process (id, seen_at) VALUES (:id, :now)
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
    """,
)
_SWEEP_SESSIONS = Query(
    "session.sweep",
    """
    DELETE FROM device_session
     WHERE process_id NOT IN (SELECT p.id FROM server_process p WHERE p.seen_at > :dead_since)
    """,
)
_SWEEP_PROCESSES = Query(
    "server_process.sweep", "DELETE FROM server_process WHERE seen_at <= :dead_since"
)
_LIST = Listing(
    "device_sessions",
    f"{_COLUMNS} WHERE {_ALIVE}",
    id="s.id",
    path="o.path",
    sorts={"opened_at": "s.id", "device": "lower(d.name)", "address": "s.address"},
    default_sort="-opened_at",
    filters={
        "device": "s.device_id = :device",
        "user": "d.user_id = :user",
        "without_staff": NOT_STAFF.format(user="d.user_id"),
    },
    search=("d.name", "COALESCE(u.username, '')", "s.address"),
    veil={"u.id = d.user_id": f"u.id = d.user_id AND {NAMED_WITHIN}"},
)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session about to be live, held by `process_id`."""

    id: Id
    credential_id: Id
    process_id: Id
    proved_by: ProvedBy
    address: str
    user_agent: str


def insert(tx: Tx, new: NewSession) -> bool:
    """Add a session; False where its credential or device is not good any more."""
    return (
        tx.run(
            _INSERT,
            id=new.id,
            credential_id=new.credential_id,
            process_id=new.process_id,
            proved_by=new.proved_by.value,
            address=new.address,
            user_agent=new.user_agent,
            now=tx.now,
        )
        == 1
    )


def beyond(tx: Reader, device_id: Id, most: int, alive_since: int) -> list[Id]:
    """The oldest sessions of a device, where it has more than `most`."""
    rows = tx.all(_BEYOND, device_id=device_id, most=most, alive_since=alive_since)
    return [row["id"] for row in rows]


def ended(tx: Reader, session_ids: Sequence[Id]) -> dict[Id, Ending]:
    """Which of these sessions must not go on, and why: one query for all of a process (S55)."""
    rows = tx.each(_ENDED_EACH, [{"id": each} for each in session_ids], now=tx.now)
    return {row["id"]: Ending(row["ending"]) for row in rows}


def delete(tx: Tx, session_ids: Sequence[Id]) -> list[DeviceSession]:
    """Take sessions away; those that were still there, as they were."""
    asked = [{"id": each} for each in session_ids]
    found = {row["id"]: _session(row) for row in tx.each(_FIND_EACH, asked)}
    gone = [row["id"] for row in tx.each(_DELETE_EACH, asked)]
    return [found[each] for each in gone if each in found]


def disconnect(tx: Tx, session_ids: Sequence[Id]) -> list[DeviceSession]:
    """Likewise, and tell the processes that hold them."""
    gone = delete(tx, session_ids)
    for device_id in {each.device_id for each in gone}:
        announcing.ended(tx, announcing.Of.DEVICE, device_id)
    return gone


def find(tx: Reader, session_id: Id, alive_since: int) -> DeviceSession | None:
    """The live session with this id."""
    row = tx.one(_FIND, id=session_id, alive_since=alive_since)
    return None if row is None else _session(row)


def of_device(tx: Reader, device_id: Id, alive_since: int) -> list[DeviceSession]:
    """The live sessions of a device, newest first."""
    rows = tx.all(_OF_DEVICE, device_id=device_id, alive_since=alive_since)
    return [_session(row) for row in rows]


def of_user(tx: Reader, user_id: Id, alive_since: int) -> list[DeviceSession]:
    """The live sessions of a user's devices, newest first."""
    rows = tx.all(_OF_USER, user_id=user_id, alive_since=alive_since)
    return [_session(row) for row in rows]


def page(tx: Reader, request: PageRequest, alive_since: int) -> Page[DeviceSession] | Refusal:
    """Live sessions of a subtree."""
    return _LIST.page(tx, request, _session, alive_since=alive_since)


def process_seen(tx: Tx, process_id: Id) -> None:
    """A process is alive, and so are the sessions that it holds."""
    tx.run(_SEEN, id=process_id, now=tx.now)


def sweep(tx: Tx, dead_since: int) -> int:
    """Forget processes that were not seen since then, and what they held; answer how many."""
    gone = tx.run(_SWEEP_SESSIONS, dead_since=dead_since)
    return gone + tx.run(_SWEEP_PROCESSES, dead_since=dead_since)


def _session(row: Row) -> DeviceSession:
    return DeviceSession(
        id=row["id"],
        device_id=row["device_id"],
        device_name=row["device_name"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        user_id=row["user_id"],
        username=row["username"],
        credential_id=row["credential_id"],
        credential_serial=row["credential_serial"],
        proved_by=ProvedBy(row["proved_by"]),
        opened_at=row["opened_at"],
        address=row["address"],
        user_agent=row["user_agent"],
    )
