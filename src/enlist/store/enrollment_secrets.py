"""What is kept of a token: a digest to find it by, and how to derive it again. Never the token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.core.secrets import Digest
from enlist.store.ahead import ReadAhead
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx

_INSERT = Query(
    "enrollment.insert_secret",
    """
    INSERT INTO enrollment_secret (enrollment_id, generation, digest, lookup_key_id, derive_key_id,
                                   kdf_version, length, alphabet, made_at)
    VALUES (:enrollment_id, :generation, :digest, :lookup_key_id, :derive_key_id, :kdf_version,
            :length, :alphabet, :made_at)
    ON CONFLICT (digest) DO NOTHING
    """,
)
INSERT_EACH = SetQuery(
    "enrollment.insert_secret_each",
    """enrollment_id uuid, generation integer, digest bytea, lookup_key_id text,
    derive_key_id text, kdf_version integer, length integer, alphabet text""",
    """
    INSERT INTO enrollment_secret (enrollment_id, generation, digest, lookup_key_id, derive_key_id,
                                   kdf_version, length, alphabet, made_at)
    SELECT enrollment_id, generation, digest, lookup_key_id, derive_key_id, kdf_version, length,
           alphabet, :now
      FROM asked WHERE 1 = 1
        ON CONFLICT (digest) DO NOTHING
    RETURNING enrollment_id
    """,
)
_TAKEN_EACH = SetQuery(
    "enrollment.taken_each",
    "digest bytea",
    "SELECT s.digest FROM enrollment_secret s JOIN asked ON asked.digest = s.digest",
    # One after the other: a planner that has not counted the rows lately would read them all.
    postgres="""
    SELECT found.digest FROM asked CROSS JOIN LATERAL (
        SELECT s.digest FROM enrollment_secret s WHERE s.digest = asked.digest OFFSET 0
    ) AS found
    """,
)
_LEAKED = """
           EXISTS (SELECT 1 FROM known_key k
                    WHERE k.id = s.derive_key_id AND k.leaked_at IS NOT NULL) AS leaked
"""
_DERIVATION = Query(
    "enrollment.secret",
    f"""
    SELECT s.generation, s.derive_key_id, s.length, s.alphabet, {_LEAKED}
      FROM enrollment_secret s
     WHERE s.enrollment_id = :enrollment_id AND s.generation = :generation
    """,
)
_DERIVATION_EACH = SetQuery(
    "enrollment.secret_each",
    "enrollment_id uuid, generation integer",
    f"""
    SELECT s.enrollment_id, s.generation, s.derive_key_id, s.length, s.alphabet, {_LEAKED}
      FROM enrollment_secret s
      JOIN asked ON asked.enrollment_id = s.enrollment_id AND asked.generation = s.generation
    """,
    # One after the other, as above.
    postgres=f"""
    SELECT found.* FROM asked CROSS JOIN LATERAL (
        SELECT s.enrollment_id, s.generation, s.derive_key_id, s.length, s.alphabet, {_LEAKED}
          FROM enrollment_secret s
         WHERE s.enrollment_id = asked.enrollment_id AND s.generation = asked.generation OFFSET 0
    ) AS found
    """,
)
_FIRST = Query(
    "enrollment.first_secret",
    f"""
    SELECT s.generation, s.derive_key_id, s.length, s.alphabet, {_LEAKED}
      FROM enrollment_secret s
     WHERE s.enrollment_id = :enrollment_id
     ORDER BY s.generation LIMIT 1
    """,
)


@dataclass(frozen=True, slots=True)
class NewSecret:
    """The stored side of one generation of a token: how to find it and how to derive it."""

    enrollment_id: Id
    generation: int
    digest: Digest
    derive_key_id: str
    kdf_version: int
    length: int
    alphabet: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """What deriving a token again needs from its row.

    Attributes:
        leaked: whether somebody else may have the key: then it is neither shown nor sent.
    """

    generation: int
    key_id: str
    length: int
    alphabet: str
    leaked: bool = False


def insert(tx: Tx, new: NewSecret) -> bool:
    """Store one generation's digest; False when another live token already reads the same (A72)."""
    return tx.run(_INSERT, **row_of(new), made_at=tx.now) == 1


def row_of(new: NewSecret) -> dict[str, object]:
    """What `INSERT_EACH` takes."""
    return {
        "enrollment_id": new.enrollment_id,
        "generation": new.generation,
        "digest": new.digest.value,
        "lookup_key_id": new.digest.key_id,
        "derive_key_id": new.derive_key_id,
        "kdf_version": new.kdf_version,
        "length": new.length,
        "alphabet": new.alphabet,
    }


def taken(tx: Reader, secrets: Iterable[NewSecret]) -> set[bytes]:
    """Of these, the digests that another token has already (A72)."""
    rows = [{"digest": each.digest.value} for each in secrets]
    return {bytes(row["digest"]) for row in tx.each(_TAKEN_EACH, rows)}


def derivation(tx: Reader, enrollment_id: Id, generation: int) -> Derivation | None:
    """How the token of this generation was derived; None for enrollments without a token."""
    return _read(tx.one(_DERIVATION, enrollment_id=enrollment_id, generation=generation))


def read_ahead(ahead: ReadAhead, generations: Iterable[tuple[Id, int]]) -> None:
    """Have asked what `derivation` will ask for these enrollments and generations."""
    asked = set(generations)

    def know(rows: list[Row]) -> None:
        found = {(row["enrollment_id"], row["generation"]): [row] for row in rows}
        for each, generation in asked:
            known = found.get((each, generation), [])
            ahead.know(_DERIVATION, known, enrollment_id=each, generation=generation)

    given = [{"enrollment_id": each, "generation": generation} for each, generation in asked]
    ahead.ask(_DERIVATION_EACH, given, know)


def first_derivation(tx: Reader, enrollment_id: Id) -> Derivation | None:
    """How the token was derived that the enrollment was issued with."""
    return _read(tx.one(_FIRST, enrollment_id=enrollment_id))


def _read(row: Row | None) -> Derivation | None:
    if row is None:
        return None
    made_by, leaked = row["derive_key_id"], bool(row["leaked"])
    return Derivation(row["generation"], made_by, row["length"], row["alphabet"], leaked)
