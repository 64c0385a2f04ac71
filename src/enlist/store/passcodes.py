"""Company passcodes: every generation of each, and where wrong entries came from.

Each move is one conditional statement. So of fifty wrong entries at once exactly one locks, and a
right one counts only while it is not locked (B08).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.core.passcodes import Passcode, PasscodeState, WrongSource
from enlist.core.secrets import Digest
from enlist.store.organizations import OF_PATH, OF_PATH_ON_POSTGRES
from enlist.store.tx import Query, Reader, Row, Tx

_COLUMNS = """
    SELECT p.id, p.organization_id, o.path AS organization_path, o.group_id, p.number, p.state,
           p.generated_at, p.generated_by, p.generated_by_id, p.ended_at, p.ends_at,
           p.failed_in_a_row, p.failed, p.last_failed_at, p.last_failed_from, p.shielded_at,
           p.accepted, p.uses, p.last_used_at, p.last_used_device, p.derive_key_id, p.derive_number,
           COALESCE(maker.email, '') AS generated_by_email, COALESCE(u.username, '') AS used_by
      FROM passcode p JOIN organization o ON o.id = p.organization_id
      LEFT JOIN app_user maker ON maker.id = p.generated_by_id AND maker.deleted_at IS NULL
      LEFT JOIN app_user u ON u.id = p.last_used_by
"""
_GOVERNING_TEXT = f"""
    {_COLUMNS}
     WHERE o.id {{among_the_ids_of_the_path}} AND o.deleted_at IS NULL
     ORDER BY length(o.path) DESC, p.number DESC LIMIT 1
"""
_GOVERNING = Query(
    "passcode.governing",
    _GOVERNING_TEXT.format(among_the_ids_of_the_path=OF_PATH),
    postgres=_GOVERNING_TEXT.format(among_the_ids_of_the_path=OF_PATH_ON_POSTGRES),
)
_NEWEST = Query(
    "passcode.newest",
    f"{_COLUMNS} WHERE p.organization_id = :organization_id ORDER BY p.number DESC LIMIT 1",
)
_FIND = Query("passcode.find", f"{_COLUMNS} WHERE p.id = :id")
_OVERLAPPING = Query(
    "passcode.overlapping",
    f"""
    {_COLUMNS}
     WHERE p.organization_id = :organization_id AND p.state = 'overlapping' AND p.ends_at > :now
     ORDER BY p.number DESC LIMIT 1
    """,
)
_BY_DIGEST = Query(
    "passcode.by_digest", f"{_COLUMNS} WHERE p.digest = :digest AND o.deleted_at IS NULL"
)
_INSERT = Query(
    "passcode.insert",
    """
    INSERT INTO passcode (
        id, organization_id, number, state, digest, lookup_key_id, derive_key_id, derive_number,
        generated_at, generated_by, generated_by_id, failed_in_a_row, failed, last_failed_from,
        accepted, uses)
    SELECT :id, o.id, :number, 'active', :digest, :lookup_key_id, :derive_key_id, :derive_number,
           :now, :generated_by, :generated_by_id, 0, 0, '', 0, 0
      FROM organization o WHERE o.id = :organization_id AND o.deleted_at IS NULL
    """,
    postgres="""
    INSERT INTO passcode (
        id, organization_id, number, state, digest, lookup_key_id, derive_key_id, derive_number,
        generated_at, generated_by, generated_by_id, failed_in_a_row, failed, last_failed_from,
        accepted, uses)
    SELECT CAST(:id AS uuid), o.id, CAST(:number AS integer), 'active', CAST(:digest AS bytea),
           CAST(:lookup_key_id AS text), CAST(:derive_key_id AS text),
           CAST(:derive_number AS integer), CAST(:now AS bigint), CAST(:generated_by AS text),
           CAST(:generated_by_id AS uuid), 0, 0, '', 0, 0
      FROM organization o WHERE o.id = :organization_id AND o.deleted_at IS NULL
    """,
)
_OVERLAP = Query(
    "passcode.overlap",
    """
    UPDATE passcode SET state = 'overlapping', ended_at = :now, ends_at = :ends_at
     WHERE id = :id AND state = 'active' AND shielded_at IS NULL
    """,
)
_END = Query(
    "passcode.end",
    """
    UPDATE passcode SET state = :state, ended_at = COALESCE(ended_at, :now)
     WHERE organization_id = :organization_id AND state IN ('active', 'overlapping')
    """,
)
_END_OLD = Query(
    "passcode.end_old",
    """
    UPDATE passcode SET state = 'replaced', ends_at = NULL
     WHERE organization_id = :organization_id AND state = 'overlapping'
    """,
)
_END_UNDER_OTHER_KEYS = Query(
    "passcode.end_under_other_keys",
    """
    UPDATE passcode SET state = 'disabled', ended_at = COALESCE(ended_at, :now)
     WHERE state IN ('active', 'overlapping') AND derive_key_id NOT IN ('', :derive)
    RETURNING id, organization_id
    """,
)
_DISABLE_LOCKED = Query(
    "passcode.disable_locked",
    "UPDATE passcode SET state = 'disabled' WHERE id = :id AND state = 'locked'",
)
_WRONG = Query(
    "passcode.wrong",
    # At the threshold it locks, or where the settings say so is shielded; either way nothing is
    # counted any more: the count stays at exactly the threshold.
    """
    UPDATE passcode
       SET failed = failed + 1, failed_in_a_row = failed_in_a_row + 1,
           last_failed_at = :now, last_failed_from = :source,
           state = CASE WHEN failed_in_a_row + 1 >= :most AND :shields = 0
                        THEN 'locked' ELSE state END,
           ended_at = CASE WHEN failed_in_a_row + 1 >= :most AND :shields = 0
                           THEN :now ELSE ended_at END,
           shielded_at = CASE WHEN failed_in_a_row + 1 >= :most AND :shields = 1
                              THEN :now ELSE shielded_at END
     WHERE id = :id AND state = 'active' AND shielded_at IS NULL
    RETURNING state, failed_in_a_row, shielded_at
    """,
)
_WRONG_FROM = Query(
    "passcode.wrong_from",
    """
    INSERT INTO passcode_source (passcode_id, source, failed, last_at)
    VALUES (:passcode_id, :source, 1, :now)
    ON CONFLICT (passcode_id, source) DO UPDATE
       SET failed = passcode_source.failed + 1, last_at = excluded.last_at
    """,
)
_SOURCES = Query(
    "passcode.sources",
    """
    SELECT source, failed, last_at FROM passcode_source WHERE passcode_id = :passcode_id
     ORDER BY failed DESC, last_at DESC, source LIMIT :limit
    """,
)
_SOURCE_COUNT = Query(
    "passcode.source_count",
    "SELECT count(*) AS n FROM passcode_source WHERE passcode_id = :passcode_id",
)
_ACCEPT = Query(
    "passcode.accept",
    """
    UPDATE passcode SET accepted = accepted + 1
     WHERE id = :id AND (state = 'active' OR (state = 'overlapping' AND ends_at > :now))
    """,
)
_RIGHT = Query(
    "passcode.right",
    """
    UPDATE passcode SET failed_in_a_row = CASE WHEN shielded_at IS NULL THEN 0
                                               ELSE failed_in_a_row END
     WHERE id = :id AND state = 'active'
    """,
)
_USED = Query(
    "passcode.used",
    """
    UPDATE passcode SET uses = uses + 1, last_used_at = :now, last_used_by = :user_id,
                        last_used_device = :device_id
     WHERE id = :id
    """,
)

SOURCES_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class NewPasscode:
    """A passcode about to be stored.

    Attributes:
        derive_key_id, derive_number: how it can be derived again; "" where it was drawn.
    """

    id: Id
    organization_id: Id
    digest: Digest
    derive_key_id: str
    derive_number: int
    generated_by: str
    generated_by_id: Id | None


def governing(tx: Reader, path: str) -> Passcode | None:
    """The newest passcode of the nearest organization from `path` upwards that ever had one."""
    return _maybe(tx.one(_GOVERNING, path=path))


def newest(tx: Reader, organization_id: Id) -> Passcode | None:
    """An organization's own newest passcode, whatever became of it."""
    return _maybe(tx.one(_NEWEST, organization_id=organization_id))


def find(tx: Reader, passcode_id: Id) -> Passcode | None:
    """One generation of a passcode."""
    return _maybe(tx.one(_FIND, id=passcode_id))


def overlapping(tx: Reader, organization_id: Id) -> Passcode | None:
    """The one before the newest, while it is good beside that."""
    return _maybe(tx.one(_OVERLAPPING, organization_id=organization_id, now=tx.now))


def by_digest(tx: Reader, digests: Sequence[bytes]) -> Passcode | None:
    """The passcode that was typed, whatever became of it."""
    found = [_maybe(tx.one(_BY_DIGEST, digest=digest)) for digest in digests]
    return next(filter(None, found), None)


def insert(tx: Tx, new: NewPasscode, number: int) -> bool:
    """Store a passcode, as the organization's active one; False where that is gone.

    Raises:
        UniqueViolation: another one reads like this one.
    """
    row = {
        "id": new.id,
        "organization_id": new.organization_id,
        "number": number,
        "digest": new.digest.value,
        "lookup_key_id": new.digest.key_id,
        "derive_key_id": new.derive_key_id,
        "derive_number": new.derive_number,
        "generated_by": new.generated_by,
        "generated_by_id": new.generated_by_id,
    }
    return tx.run(_INSERT, **row, now=tx.now) == 1


def overlap(tx: Tx, passcode_id: Id, ends_at: int) -> bool:
    """Let an active passcode go on beside a newer one; False where it is not active any more."""
    return tx.run(_OVERLAP, id=passcode_id, ends_at=ends_at, now=tx.now) == 1


def end(tx: Tx, organization_id: Id, state: PasscodeState) -> int:
    """End whatever is good of an organization; answer how many ended."""
    return tx.run(_END, organization_id=organization_id, state=state.value, now=tx.now)


def end_old(tx: Tx, organization_id: Id) -> bool:
    """End the overlap at once; False where there is none."""
    return tx.run(_END_OLD, organization_id=organization_id) > 0


def end_under_other_keys(tx: Tx, derive: str) -> list[tuple[Id, Id]]:
    """End those that can be derived with another key than this; answer them and whose they were."""
    rows = tx.all(_END_UNDER_OTHER_KEYS, derive=derive, now=tx.now)
    return [(row["id"], row["organization_id"]) for row in rows]


def disable_locked(tx: Tx, passcode_id: Id) -> bool:
    """A locked passcode is disabled; False where it is not locked."""
    return tx.run(_DISABLE_LOCKED, id=passcode_id) == 1


@dataclass(frozen=True, slots=True)
class Counted:
    """What a wrong entry led to.

    Attributes:
        became: `locked` or `shielded` where it was the one too many; else None.
    """

    failed_in_a_row: int
    became: str | None


def wrong(tx: Tx, passcode_id: Id, source: str, most: int, *, shields: bool) -> Counted | None:
    """Count a wrong entry; None where nothing is counted any more.

    Args:
        most: how many in a row it takes.
        shields: it is shielded then, and not locked.
    """
    row = tx.one(_WRONG, id=passcode_id, source=source, most=most, shields=int(shields), now=tx.now)
    if row is None:
        return None
    tx.run(_WRONG_FROM, passcode_id=passcode_id, source=source, now=tx.now)
    became = "locked" if row["state"] == PasscodeState.LOCKED else None
    return Counted(row["failed_in_a_row"], "shielded" if row["shielded_at"] else became)


def sources(tx: Reader, passcode_id: Id) -> tuple[WrongSource, ...]:
    """Where most wrong entries came from."""
    rows = tx.all(_SOURCES, passcode_id=passcode_id, limit=SOURCES_SHOWN)
    return tuple(WrongSource(row["source"], row["failed"], row["last_at"]) for row in rows)


def source_count(tx: Reader, passcode_id: Id) -> int:
    """From how many places wrong entries came."""
    row = tx.one(_SOURCE_COUNT, passcode_id=passcode_id)
    return int(row["n"]) if row else 0


def accept(tx: Tx, presented: Id, newest_id: Id) -> bool:
    """A right entry of somebody known; False where one of both is not good any more.

    Args:
        presented: the one that was typed: the newest itself, or one that overlaps it.
    """
    return tx.run(_RIGHT, id=newest_id) == 1 and tx.run(_ACCEPT, id=presented, now=tx.now) == 1


def used(tx: Tx, passcode_id: Id, user_id: Id | None, device_id: Id) -> None:
    """A device was enrolled by it."""
    tx.run(_USED, id=passcode_id, user_id=user_id, device_id=device_id, now=tx.now)


def _maybe(row: Row | None) -> Passcode | None:
    if row is None:
        return None
    return Passcode(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        number=row["number"],
        state=PasscodeState(row["state"]),
        generated_at=row["generated_at"],
        generated_by=row["generated_by"],
        generated_by_id=row["generated_by_id"],
        generated_by_email=row["generated_by_email"],
        ended_at=row["ended_at"],
        ends_at=row["ends_at"],
        failed_in_a_row=row["failed_in_a_row"],
        failed=row["failed"],
        last_failed_at=row["last_failed_at"],
        last_failed_from=row["last_failed_from"],
        shielded_at=row["shielded_at"],
        accepted=row["accepted"],
        uses=row["uses"],
        last_used_at=row["last_used_at"],
        last_used_by=row["used_by"],
        last_used_device_id=row["last_used_device"],
        derive_key_id=row["derive_key_id"],
        derive_number=row["derive_number"],
    )
