"""Attempts: one device's try at an enrollment, known by a short code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.core.lifecycle import AttemptState
from enlist.core.model import Attempt
from enlist.core.secrets import Digest
from enlist.store.tx import Query, Reader, Row, Tx

_INSERT = Query(
    "attempt.insert",
    """
    INSERT INTO attempt (id, enrollment_id, generation, organization_id, user_id, digest,
                         lookup_key_id, state, platform, device_name, address, started_at,
                         expires_at, accepted_terms_id, answers)
    VALUES (:id, :enrollment_id, :generation, :organization_id, :user_id, :digest, :key_id, 'open',
            :platform, :device_name, :address, :now, :expires_at, :accepted_terms_id, :answers)
    """,
)
_COLUMNS = """
    SELECT a.id, a.enrollment_id, a.generation, a.organization_id, a.user_id, a.state,
           a.started_at, a.expires_at, a.address, a.accepted_terms_id, a.answers
      FROM attempt a
"""
_BY_DIGEST = Query("attempt.by_digest", f"{_COLUMNS} WHERE a.digest = :digest")
_FIND = Query("attempt.find", f"{_COLUMNS} WHERE a.id = :id")
_OF_ENROLLMENT = Query(
    "attempt.of_enrollment",
    f"{_COLUMNS} WHERE a.enrollment_id = :enrollment_id ORDER BY a.id DESC LIMIT 50",
)
_OF_DEVICE = Query(
    "attempt.of_device",
    f"""{_COLUMNS} JOIN enrollment e ON e.id = a.enrollment_id
     WHERE e.device_id = :device_id ORDER BY a.id DESC LIMIT 50""",
)
_OF_USER = Query(
    "attempt.of_user",
    f"""{_COLUMNS} WHERE a.enrollment_id IS NULL AND a.user_id = :user_id
     ORDER BY a.id DESC LIMIT 50""",
)
_CANCEL = Query(
    "attempt.cancel",
    """
    UPDATE attempt SET state = 'cancelled', ended_at = :now
     WHERE id = :id AND state = 'open' AND expires_at > :now
    """,
)
_CANCEL_BY_LOGIN = Query(
    "attempt.cancel_by_login",
    """
    UPDATE attempt SET state = 'cancelled', ended_at = :now
     WHERE user_id = :user_id AND state = 'open' AND expires_at > :now
    """,
)
_COMPLETE = Query(
    "attempt.complete",
    """
    UPDATE attempt
       SET state = 'completed', ended_at = :now, enrollment_id = :enrollment_id,
           generation = :generation
     WHERE id = :id AND state = 'open' AND expires_at > :now
    """,
)

_SWEEP = Query("attempt.sweep", "DELETE FROM attempt WHERE expires_at < :before")


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """An attempt about to be opened.

    Attributes:
        enrollment_id: None where the enrollment is made by completing (grant `sign_in`).
        generation: the enrollment's generation; a reissue ends the attempt with it.
        user_id: who proved himself, so that completing asks for no password again.
        accepted_terms_id: the terms of use that he accepted, so that the device need not ask.
        answers: to what he was asked, packed, for the same reason.
    """

    id: Id
    enrollment_id: Id | None
    generation: int
    organization_id: Id
    user_id: Id | None
    digest: Digest
    platform: str
    device_name: str
    address: str
    expires_at: int
    accepted_terms_id: Id | None = None
    answers: str = ""


def insert(tx: Tx, new: NewAttempt) -> None:
    """Open an attempt; any number may be open at once."""
    tx.run(
        _INSERT,
        id=new.id,
        enrollment_id=new.enrollment_id,
        generation=new.generation,
        organization_id=new.organization_id,
        user_id=new.user_id,
        digest=new.digest.value,
        key_id=new.digest.key_id,
        platform=new.platform,
        device_name=new.device_name,
        address=new.address,
        now=tx.now,
        expires_at=new.expires_at,
        accepted_terms_id=new.accepted_terms_id,
        answers=new.answers,
    )


def by_digest(tx: Reader, digests: Sequence[bytes]) -> Attempt | None:
    """The attempt with this code, in whatever state."""
    for digest in digests:
        row = tx.one(_BY_DIGEST, digest=digest)
        if row is not None:
            return _attempt(row)
    return None


def find(tx: Reader, attempt_id: Id) -> Attempt | None:
    """The attempt with this id, in whatever state; None once it was swept."""
    row = tx.one(_FIND, id=attempt_id)
    return None if row is None else _attempt(row)


def of_enrollment(tx: Reader, enrollment_id: Id) -> list[Attempt]:
    """The attempts at an enrollment, newest first."""
    return [_attempt(row) for row in tx.all(_OF_ENROLLMENT, enrollment_id=enrollment_id)]


def of_device(tx: Reader, device_id: Id) -> list[Attempt]:
    """The attempts to enroll a device, newest first."""
    return [_attempt(row) for row in tx.all(_OF_DEVICE, device_id=device_id)]


def of_user(tx: Reader, user_id: Id) -> list[Attempt]:
    """What a user began by signing in and has not finished, newest first: no enrollment has it."""
    return [_attempt(row) for row in tx.all(_OF_USER, user_id=user_id)]


def cancel(tx: Tx, attempt_id: Id) -> bool:
    """End an open attempt; False when it is over."""
    return tx.run(_CANCEL, id=attempt_id, now=tx.now) == 1


def cancel_by_login(tx: Tx, user_id: Id) -> int:
    """End what a user, or whoever knew his password, began by signing in; answer how many."""
    return tx.run(_CANCEL_BY_LOGIN, user_id=user_id, now=tx.now)


def complete(tx: Tx, attempt_id: Id, enrollment_id: Id, generation: int) -> bool:
    """The attempt led to an enrolled device by this enrollment; False when it was over."""
    return (
        tx.run(
            _COMPLETE,
            id=attempt_id,
            now=tx.now,
            enrollment_id=enrollment_id,
            generation=generation,
        )
        == 1
    )


def sweep(tx: Tx, before: int) -> int:
    """Forget attempts that ran out before that moment; events keep what came of them."""
    return tx.run(_SWEEP, before=before)


def _attempt(row: Row) -> Attempt:
    return Attempt(
        id=row["id"],
        enrollment_id=row["enrollment_id"],
        generation=row["generation"],
        organization_id=row["organization_id"],
        user_id=row["user_id"],
        state=AttemptState(row["state"]),
        started_at=row["started_at"],
        expires_at=row["expires_at"],
        address=row["address"],
        accepted_terms_id=row["accepted_terms_id"],
        answers=row["answers"],
    )
