"""Revocations in the one order in which everybody reads them: the feed's.

A number that is taken within a transaction is no order: a lower one may be committed later, when a
reader is past it. So numbers are given to what is committed, by one transaction at a time. Whoever
has read up to a number has read all before it, and what revokes cannot forget the feed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.store.listing import path_end
from enlist.store.tx import Query, Reader, Tx

MOST_AT_ONCE: Final = 1_000

_UNNUMBERED = Query(
    "revocation.unnumbered",
    """
    SELECT c.id FROM credential c
     WHERE c.revoked_at IS NOT NULL AND c.revocation_number IS NULL LIMIT 1
    """,
)
_ALONE = Query(
    "revocation.alone",
    "SELECT 1 AS alone",  # SQLite has one writer anyway
    postgres="SELECT pg_advisory_xact_lock(5020911061174603889) AS alone",
)
_NUMBER = Query(
    "revocation.number",
    """
    UPDATE credential SET revocation_number = fresh.place + (
        SELECT COALESCE(max(n.revocation_number), 0) FROM credential n
         WHERE n.revocation_number IS NOT NULL)
      FROM (SELECT c.id, row_number() OVER (ORDER BY c.revoked_at, c.id) AS place
              FROM credential c
             WHERE c.revoked_at IS NOT NULL AND c.revocation_number IS NULL
             ORDER BY c.revoked_at, c.id LIMIT :most) AS fresh
     WHERE credential.id = fresh.id
    """,
)
_KNOWN = Query(
    "revocation.known",
    """
    SELECT 1 AS found FROM credential
     WHERE revocation_number = :number AND substr(fingerprint, 1, :length) = :fingerprint
    """,
)
_AFTER = Query(
    "revocation.after",
    """
    SELECT c.revocation_number AS number, c.serial, c.fingerprint, c.device_id, c.not_after,
           c.revoked_at, c.revocation_reason AS reason, o.id AS organization_id, o.group_id
      FROM credential c
      JOIN device d ON d.id = c.device_id
      LEFT JOIN enrollment e ON e.id = c.enrollment_id
      JOIN organization o ON o.id = COALESCE(e.organization_id, d.organization_id)
     WHERE c.revocation_number > :after AND c.not_after > :now
       AND o.path >= :path AND o.path < :path_end
     ORDER BY c.revocation_number LIMIT :limit
    """,
)


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate that counts no more, and its place in the feed.

    Attributes:
        number: from 1 on; a later one is higher.
        serial, fingerprint: as in `pki.authority.IssuedCertificate`.
        organization_id, group_id: where it was issued; the device may have gone elsewhere since.
        reason: a key of `pki.revocation.REASONS`, or any other text.
        revoked_at, not_after: microseconds UTC.
    """

    number: int
    serial: str
    fingerprint: str
    device_id: Id
    organization_id: Id
    group_id: str
    reason: str
    revoked_at: int
    not_after: int


def unnumbered(tx: Reader) -> bool:
    """Whether something was revoked that has no number yet."""
    return tx.one(_UNNUMBERED) is not None


def number(tx: Tx) -> int:
    """Give the next numbers, to `MOST_AT_ONCE` at most; answer how many."""
    tx.one(_ALONE)
    return tx.run(_NUMBER, most=MOST_AT_ONCE)


def known(tx: Reader, place: int, fingerprint: str) -> bool:
    """Whether the revocation of this number is that of a fingerprint that begins so."""
    found = tx.one(_KNOWN, number=place, fingerprint=fingerprint, length=len(fingerprint))
    return found is not None


def after(tx: Reader, place: int, path: str, limit: int) -> list[Revocation]:
    """Revocations above a number, of an organization and below, in order.

    Without certificates that have run out: nobody believes them anyway.
    """
    rows = tx.all(_AFTER, after=place, path=path, path_end=path_end(path), limit=limit, now=tx.now)
    return [Revocation(**row) for row in rows]
