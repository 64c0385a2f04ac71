"""One-time logins: what is typed instead of the link, one for each generation of an enrollment.

A try is counted by the statement that compares, and the same statement refuses where five were
wrong: guesses at the same moment cannot outrun it, the right one comes too late as well, and right
ones that come together take nothing from each other (S18).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.core.outcomes import Subjects
from enlist.core.secrets import Digest
from enlist.store.tx import Query, Reader, Tx

MOST: Final = 5
"""Wrong passwords before the credentials are dead."""

_INSERT = Query(
    "one_time_login.insert",
    """
    INSERT INTO one_time_login (enrollment_id, generation, locator, digest, lookup_key_id,
                                derive_key_id, kdf_version, length, made_at)
    VALUES (:enrollment_id, :generation, :locator, :digest, :lookup_key_id, :derive_key_id,
            :kdf_version, :length, :made_at)
    ON CONFLICT (locator) DO NOTHING
    """,
)
_FIND = Query(
    "one_time_login.find",
    """
    SELECT l.enrollment_id, l.generation, l.locator, l.digest, l.tries, e.organization_id,
           e.user_id, e.device_id
      FROM one_time_login l JOIN enrollment e ON e.id = l.enrollment_id
     WHERE l.locator = :locator
    """,
)
_OF_GENERATION = Query(
    "one_time_login.of_generation",
    """
    SELECT locator, derive_key_id, length FROM one_time_login
     WHERE enrollment_id = :enrollment_id AND generation = :generation
    """,
)
_TRY = Query(
    "one_time_login.try",
    """
    UPDATE one_time_login SET tries = tries + CASE WHEN digest = :digest THEN 0 ELSE 1 END
     WHERE locator = :locator AND tries < :most
    """,
)
_REVOKE = Query(
    "enrollment.too_many_passwords",
    """
    UPDATE enrollment
       SET state = 'revoked', ended_at = :now, end_reason = 'too_many_attempts'
     WHERE id = :id AND state = 'active'
       AND EXISTS (SELECT 1 FROM one_time_login l
                    WHERE l.enrollment_id = enrollment.id
                      AND l.generation = enrollment.generation AND l.tries >= :most)
    """,
)


@dataclass(frozen=True, slots=True)
class NewLogin:
    """The stored side of a one-time login: how to find it, compare it and derive it again."""

    enrollment_id: Id
    generation: int
    locator: str
    digest: Digest
    derive_key_id: str
    kdf_version: int
    length: int


@dataclass(frozen=True, slots=True)
class Login:
    """What is known of a locator that was presented.

    Attributes:
        open: its password may be compared; False once five were wrong.
    """

    enrollment_id: Id
    generation: int
    digest: bytes
    open: bool
    about: Subjects


@dataclass(frozen=True, slots=True)
class Derivation:
    """What a message that brings the pair needs of its row."""

    locator: str
    key_id: str
    length: int


def insert(tx: Tx, new: NewLogin) -> bool:
    """Store one; False when another has this locator."""
    return (
        tx.run(
            _INSERT,
            enrollment_id=new.enrollment_id,
            generation=new.generation,
            locator=new.locator,
            digest=new.digest.value,
            lookup_key_id=new.digest.key_id,
            derive_key_id=new.derive_key_id,
            kdf_version=new.kdf_version,
            length=new.length,
            made_at=tx.now,
        )
        == 1
    )


def find(tx: Reader, locator: str) -> Login | None:
    """What this locator stands for, of whatever generation."""
    row = tx.one(_FIND, locator=locator)
    if row is None:
        return None
    enrollment_id = row["enrollment_id"]
    about = Subjects(row["organization_id"], row["user_id"], row["device_id"], enrollment_id)
    digest, is_open = bytes(row["digest"]), row["tries"] < MOST
    return Login(enrollment_id, row["generation"], digest, is_open, about)


def of_generation(tx: Reader, enrollment_id: Id, generation: int) -> Derivation | None:
    """The login that goes with this generation, if one does."""
    row = tx.one(_OF_GENERATION, enrollment_id=enrollment_id, generation=generation)
    return None if row is None else Derivation(row["locator"], row["derive_key_id"], row["length"])


def take_try(tx: Tx, locator: str, digest: bytes) -> bool:
    """Compare a password, and count it where it is wrong; False when no try was left."""
    return tx.run(_TRY, locator=locator, digest=digest, most=MOST) == 1


def revoke_if_outguessed(tx: Tx, enrollment_id: Id) -> bool:
    """Revoke an enrollment whose newest login was given five wrong passwords."""
    return tx.run(_REVOKE, id=enrollment_id, now=tx.now, most=MOST) == 1
