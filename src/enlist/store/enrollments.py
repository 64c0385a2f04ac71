"""Enrollments: issue, reissue, revoke.

Each move is one conditional statement; the row count says whether it happened. The move to
*used* is in `redemptions`; finding one by what is presented is in `sightings`; what is kept of
their tokens is in `enrollment_secrets`, what is guessed beside one in `wrong_logins`, and the list
of them in `enrollment_status`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from enlist.core.clock import DAY
from enlist.core.ids import Id
from enlist.core.lifecycle import EnrollmentState
from enlist.core.model import Enrollment, GrantKind
from enlist.store.ahead import ReadAhead
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx

COLUMNS = """
    SELECT e.id, e.organization_id, o.path AS organization_path, o.group_id, e.user_id,
           COALESCE(u.username, '') AS username, e.device_id, COALESCE(d.name, '') AS device_name,
           COALESCE(d.platform, '') AS platform, e.grant_kind, e.state, e.generation, e.uses,
           e.max_uses, e.expires_at, e.issued_at, e.issued_by, e.opened_at, e.used_at,
           e.ended_at, e.end_reason, COALESCE(m.state, '') AS message_state,
           COALESCE(m.reason, '') AS message_reason, COALESCE(m.recipient, '') AS message_to,
           e.replaces_device_id, COALESCE(d.state, '') AS device_state,
           COALESCE(d.ownership, '') AS ownership, e.source
      FROM enrollment e
      JOIN organization o ON o.id = e.organization_id
      LEFT JOIN app_user u ON u.id = e.user_id
      LEFT JOIN device d ON d.id = e.device_id
      LEFT JOIN message m ON m.id = e.message_id
"""
_ITS_MESSAGE = (
    "LATERAL (SELECT * FROM message WHERE message.id = e.message_id OFFSET 0) AS m ON TRUE"
)
_FIND = Query("enrollment.find", f"{COLUMNS} WHERE e.id = :id AND e.deleted_at IS NULL")
_LIVE_OF_DEVICE = Query(
    "enrollment.live_of_device",
    f"""{COLUMNS} WHERE e.device_id = :device_id AND e.state IN ('active', 'on_hold')
       AND e.deleted_at IS NULL ORDER BY e.id""",
)
_LIVE_OF_USER = Query(
    "enrollment.live_of_user",
    f"""{COLUMNS} WHERE e.user_id = :user_id AND e.state IN ('active', 'on_hold')
       AND e.deleted_at IS NULL ORDER BY e.id""",
)
_ASKED_FOR = Query(
    "enrollment.asked_for",
    f"""{COLUMNS} WHERE e.user_id = :user_id AND e.organization_id = :organization_id
       AND e.grant_kind = 'passcode' AND e.source = 'self_service' AND e.state = 'active'
       AND e.deleted_at IS NULL AND d.platform = :platform
     ORDER BY e.id DESC LIMIT 1""",
)
_SET_PASSCODE = Query(
    "enrollment.set_passcode", "UPDATE enrollment SET passcode_id = :passcode_id WHERE id = :id"
)
_NEWEST_DELETED = Query(
    "enrollment.newest_deleted",
    """
    SELECT deleted_at FROM enrollment WHERE device_id = :device_id ORDER BY id DESC LIMIT 1
    """,
)
BACK_DATED: Final = DAY
"""How long before its issue an enrollment is valid: a clock that is set back ends no token."""

_INSERT = Query(
    "enrollment.insert",
    """
    INSERT INTO enrollment (id, organization_id, user_id, device_id, grant_kind, state, generation,
                            max_uses, not_before, expires_at, issued_at, issued_by, issuer_id,
                            message_id, replaces_device_id, source, passcode_id)
    VALUES (:id, :organization_id, :user_id, :device_id, :grant_kind, 'active', 1, :max_uses,
            :not_before, :expires_at, :issued_at, :issued_by, :issuer_id, NULL,
            :replaces_device_id, :source, :passcode_id)
    """,
)
INSERT_EACH = SetQuery(
    "enrollment.insert_each",
    """id uuid, organization_id uuid, user_id uuid, device_id uuid, grant_kind text,
    generation integer, max_uses integer, expires_at bigint, issued_by text, issuer_id uuid,
    message_id uuid, source text""",
    """
    INSERT INTO enrollment (id, organization_id, user_id, device_id, grant_kind, state, generation,
                            max_uses, not_before, expires_at, issued_at, issued_by, issuer_id,
                            message_id, source)
    SELECT id, organization_id, user_id, device_id, grant_kind, 'active', generation, max_uses,
           :not_before, expires_at, :now, issued_by, issuer_id, message_id,
           source
      FROM asked
    """,
)
_FIND_EACH = SetQuery(
    "enrollment.find_each",
    "id uuid",
    f"{COLUMNS} JOIN asked ON asked.id = e.id WHERE e.deleted_at IS NULL",
    # One after the other: of tables that have grown since the server last counted their rows, the
    # planner would read all.
    postgres=f"""SELECT found.* FROM asked CROSS JOIN LATERAL (
    {COLUMNS.replace("message m ON m.id = e.message_id", _ITS_MESSAGE)}
     WHERE e.id = asked.id AND e.deleted_at IS NULL OFFSET 0) AS found""",
)
_SET_MESSAGE = Query(
    "enrollment.set_message", "UPDATE enrollment SET message_id = :message_id WHERE id = :id"
)
_REISSUE = Query(
    "enrollment.reissue",
    """
    UPDATE enrollment
       SET state = 'active', generation = generation + 1, expires_at = :expires_at,
           wrong_logins = 0, opened_at = NULL, opened_count = 0
     WHERE id = :id AND state IN ('active', 'on_hold') AND generation = :generation
       AND deleted_at IS NULL
    """,
)
_SKIP_TO_GENERATION = Query(
    "enrollment.skip_to_generation",
    "UPDATE enrollment SET generation = :generation WHERE id = :id AND generation < :generation",
)
_REVOKE = Query(
    "enrollment.revoke",
    """
    UPDATE enrollment SET state = 'revoked', ended_at = :now, end_reason = :reason
     WHERE id = :id AND state IN ('active', 'on_hold') AND deleted_at IS NULL
    """,
)
_DELETE = Query(
    "enrollment.delete",
    """
    UPDATE enrollment
       SET state = 'revoked', ended_at = :now, end_reason = 'deleted', deleted_at = :now
     WHERE id = :id AND state IN ('active', 'on_hold') AND generation = :generation
       AND deleted_at IS NULL
    """,
)
_REVOKE_OF_DEVICE = Query(
    "enrollment.revoke_of_device",
    """
    UPDATE enrollment SET state = 'revoked', ended_at = :now, end_reason = :reason
     WHERE device_id = :device_id AND state IN ('active', 'on_hold')
    """,
)
_REVOKE_OF_USER = Query(
    "enrollment.revoke_of_user",
    """
    UPDATE enrollment SET state = 'revoked', ended_at = :now, end_reason = :reason
     WHERE user_id = :user_id AND state IN ('active', 'on_hold')
    """,
)
_MOVE_OF_DEVICE = Query(
    "enrollment.move_of_device",
    """
    UPDATE enrollment SET organization_id = :organization_id
     WHERE device_id = :device_id AND state IN ('active', 'on_hold') AND deleted_at IS NULL
    """,
)
_DELETE_OF_DEVICE = Query(
    "enrollment.delete_of_device",
    "UPDATE enrollment SET deleted_at = :now WHERE device_id = :device_id AND deleted_at IS NULL",
)
_DELETE_OF_USER = Query(
    "enrollment.delete_of_user",
    "UPDATE enrollment SET deleted_at = :now WHERE user_id = :user_id AND deleted_at IS NULL",
)
_OPENED = Query(
    "enrollment.opened",
    """
    UPDATE enrollment
       SET opened_count = opened_count + 1,
           opened_at = CASE WHEN :counts THEN COALESCE(opened_at, :now) ELSE opened_at END
     WHERE id = :id AND opened_count < :most AND deleted_at IS NULL
    """,
    postgres="""
    UPDATE enrollment
       SET opened_count = opened_count + 1,
           opened_at = CASE WHEN CAST(:counts AS boolean) THEN COALESCE(opened_at, :now)
                            ELSE opened_at END
     WHERE id = :id AND opened_count < :most AND deleted_at IS NULL
    """,
)


@dataclass(frozen=True, slots=True)
class NewEnrollment:
    """An enrollment about to be issued; it begins at generation 1.

    `replaces_device_id` is the device that retires when it is used, `passcode_id` the company
    passcode that it was got by.
    """

    id: Id
    organization_id: Id
    user_id: Id | None
    device_id: Id | None
    grant: GrantKind
    expires_at: int
    issued_by: str
    issuer_id: Id | None
    max_uses: int = 1
    replaces_device_id: Id | None = None
    source: str = ""
    passcode_id: Id | None = None


def find(tx: Reader, enrollment_id: Id) -> Enrollment | None:
    """The enrollment with this id, unless deleted."""
    row = tx.one(_FIND, id=enrollment_id)
    return None if row is None else enrollment_of(row)


def read_ahead(ahead: ReadAhead, enrollment_ids: Iterable[Id]) -> None:
    """Have asked what `find` will ask for these."""
    asked = set(enrollment_ids)

    def know(rows: list[Row]) -> None:
        found = {row["id"]: [row] for row in rows}
        for each in asked:
            ahead.know(_FIND, found.get(each, []), id=each)

    ahead.ask(_FIND_EACH, [{"id": each} for each in asked], know)


def newest_deleted_at(tx: Reader, device_id: Id) -> int | None:
    """When the newest enrollment of a device was deleted; None where it was not."""
    row = tx.one(_NEWEST_DELETED, device_id=device_id)
    found: int | None = row["deleted_at"] if row else None
    return found


def insert(tx: Tx, new: NewEnrollment) -> None:
    """Issue an enrollment.

    Raises:
        UniqueViolation: its device has a live enrollment (ruling 29).
    """
    tx.run(
        _INSERT,
        id=new.id,
        organization_id=new.organization_id,
        user_id=new.user_id,
        device_id=new.device_id,
        grant_kind=new.grant.value,
        max_uses=new.max_uses,
        not_before=tx.now - BACK_DATED,
        expires_at=new.expires_at,
        issued_at=tx.now,
        issued_by=new.issued_by,
        issuer_id=new.issuer_id,
        replaces_device_id=new.replaces_device_id,
        source=new.source,
        passcode_id=new.passcode_id,
    )


def row_of(new: NewEnrollment, generation: int, message_id: Id | None) -> dict[str, object]:
    """What `INSERT_EACH` takes, for one that is told of by a message, or by none."""
    return {
        "id": new.id,
        "organization_id": new.organization_id,
        "user_id": new.user_id,
        "device_id": new.device_id,
        "grant_kind": new.grant.value,
        "generation": generation,
        "max_uses": new.max_uses,
        "expires_at": new.expires_at,
        "issued_by": new.issued_by,
        "issuer_id": new.issuer_id,
        "message_id": message_id,
        "source": new.source,
    }


def set_message(tx: Tx, enrollment_id: Id, message_id: Id) -> None:
    """Remember which message carries the newest token."""
    tx.run(_SET_MESSAGE, id=enrollment_id, message_id=message_id)


def reissue(tx: Tx, enrollment_id: Id, generation: int, expires_at: int) -> bool:
    """Begin the generation after `generation`; False when it is over, or not that far."""
    return tx.run(_REISSUE, id=enrollment_id, generation=generation, expires_at=expires_at) == 1


def skip_to_generation(tx: Tx, enrollment_id: Id, generation: int) -> None:
    """A generation before this one could not be used: its token reads like another's."""
    tx.run(_SKIP_TO_GENERATION, id=enrollment_id, generation=generation)


def revoke(tx: Tx, enrollment_id: Id, reason: str) -> bool:
    """Revoke an enrollment that is active, expired or on hold; False when it is over."""
    return tx.run(_REVOKE, id=enrollment_id, now=tx.now, reason=reason) == 1


def delete(tx: Tx, enrollment_id: Id, generation: int) -> bool:
    """Revoke an unused enrollment and take it out of every list, for good (D17); False when it
    was used, ended or reissued meanwhile."""
    return tx.run(_DELETE, id=enrollment_id, generation=generation, now=tx.now) == 1


def live_of_device(tx: Reader, device_id: Id) -> list[Enrollment]:
    """What is active or on hold for a device, expired or not: one at most, but for what is on
    hold beside a newer one."""
    return [enrollment_of(row) for row in tx.all(_LIVE_OF_DEVICE, device_id=device_id)]


def live_of_user(tx: Reader, user_id: Id) -> list[Enrollment]:
    """What is active or on hold for a user, expired or not."""
    return [enrollment_of(row) for row in tx.all(_LIVE_OF_USER, user_id=user_id)]


def revoke_of_device(tx: Tx, device_id: Id, reason: str) -> int:
    """Revoke what is live for a device; answer how many. The caller tells the log of each."""
    return tx.run(_REVOKE_OF_DEVICE, device_id=device_id, now=tx.now, reason=reason)


def revoke_of_user(tx: Tx, user_id: Id, reason: str) -> int:
    """Revoke what is live for a user; answer how many. The caller tells the log of each."""
    return tx.run(_REVOKE_OF_USER, user_id=user_id, now=tx.now, reason=reason)


def asked_for(tx: Reader, user_id: Id, organization_id: Id, platform: str) -> Enrollment | None:
    """The one-time credentials that a user asked for there for such a device and did not use yet,
    expired or not."""
    asked = {"user_id": user_id, "organization_id": organization_id, "platform": platform}
    row = tx.one(_ASKED_FOR, **asked)
    return None if row is None else enrollment_of(row)


def set_passcode(tx: Tx, enrollment_id: Id, passcode_id: Id | None) -> None:
    """It was got once more, by this company passcode."""
    tx.run(_SET_PASSCODE, id=enrollment_id, passcode_id=passcode_id)


def move_of_device(tx: Tx, device_id: Id, organization_id: Id) -> int:
    """What is live for a device belongs to another organization; answer how many."""
    return tx.run(_MOVE_OF_DEVICE, device_id=device_id, organization_id=organization_id)


def delete_of_device(tx: Tx, device_id: Id) -> int:
    """Take a deleted device's enrollments out of every list; their tokens become unknown (A37)."""
    return tx.run(_DELETE_OF_DEVICE, device_id=device_id, now=tx.now)


def delete_of_user(tx: Tx, user_id: Id) -> int:
    """Take a deleted user's enrollments out of every list; their tokens become unknown."""
    return tx.run(_DELETE_OF_USER, user_id=user_id, now=tx.now)


def opened(tx: Tx, enrollment_id: Id, *, by_person: bool, most: int) -> bool:
    """A link was opened; False when that was noted `most` times already."""
    return tx.run(_OPENED, id=enrollment_id, counts=by_person, now=tx.now, most=most) == 1


def enrollment_of(row: Row) -> Enrollment:
    """The enrollment of a row that has `COLUMNS`."""
    return Enrollment(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        user_id=row["user_id"],
        username=row["username"],
        device_id=row["device_id"],
        device_name=row["device_name"],
        platform=row["platform"],
        grant=GrantKind(row["grant_kind"]),
        state=EnrollmentState(row["state"]),
        generation=row["generation"],
        uses=row["uses"],
        max_uses=row["max_uses"],
        expires_at=row["expires_at"],
        issued_at=row["issued_at"],
        issued_by=row["issued_by"],
        opened_at=row["opened_at"],
        used_at=row["used_at"],
        ended_at=row["ended_at"],
        end_reason=row["end_reason"],
        message_state=row["message_state"],
        message_reason=row["message_reason"],
        message_to=row["message_to"],
        replaces_device_id=row["replaces_device_id"],
        device_state=row["device_state"],
        ownership=row["ownership"],
        source=row["source"],
    )
