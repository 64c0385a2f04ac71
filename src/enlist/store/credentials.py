"""Credentials: what a completion leaves behind. Today: certificates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from enlist.core.filtering import Selection
from enlist.core.ids import Id
from enlist.core.model import Credential
from enlist.store import announcing
from enlist.store.announcing import Of
from enlist.store.of_devices import newest_of_each
from enlist.store.slices import Slice, Slicing
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx
from enlist.store.users import NOT_STAFF

_SELECT = """
    SELECT c.id, c.device_id, c.enrollment_id, c.kind, c.serial, c.fingerprint, c.certificate,
           c.not_before, c.not_after, c.issued_at, c.revoked_at, c.revocation_reason,
           c.generation, c.renews_id, c.extend_requested_at, c.key_roll_requested"""
_COLUMNS = f"{_SELECT} FROM credential c"
_IN_USE = """
    c.revoked_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM credential before WHERE before.id = c.renews_id AND before.revoked_at IS NULL)
"""
"""That a device authenticates with it: it is no renewal that the device has yet to confirm."""
INSERT_EACH = SetQuery(
    "credential.insert_each",
    """id uuid, device_id uuid, enrollment_id uuid, serial text, fingerprint text,
    key_digest bytea, certificate text, not_before bigint, not_after bigint""",
    """
    INSERT INTO credential (id, device_id, enrollment_id, kind, serial, fingerprint, key_digest,
                            certificate, not_before, not_after, issued_at)
    SELECT id, device_id, enrollment_id, 'certificate', serial, fingerprint, key_digest,
           certificate, not_before, not_after, CAST(:now AS bigint)
      FROM asked
    """,
)
_OF_DEVICE = Query(
    "credential.of_device", f"{_COLUMNS} WHERE c.device_id = :device_id ORDER BY c.id DESC"
)
_BY_SERIAL = Query("credential.by_serial", f"{_COLUMNS} WHERE c.serial = :serial")
_OF_ENROLLMENT_KEY = Query(
    "credential.of_enrollment_key",
    f"""{_COLUMNS}
     WHERE c.enrollment_id = :enrollment_id AND c.key_digest = :key_digest
       AND c.revoked_at IS NULL AND c.issued_at > :since""",
)
_HELD_KEY = Query(
    "credential.held_key",
    """
    SELECT 1 AS held FROM credential
     WHERE enrollment_id = :enrollment_id AND key_digest = :key_digest LIMIT 1
    """,
)
_OF_USER_KEY = Query(
    "credential.of_user_key",
    f"""{_COLUMNS}
      JOIN enrollment e ON e.id = c.enrollment_id
     WHERE e.user_id = :user_id AND e.grant_kind = 'sign_in' AND c.key_digest = :key_digest
       AND c.revoked_at IS NULL AND c.issued_at > :since
     ORDER BY c.id DESC LIMIT 1""",
)
_REVOKE_OF_DEVICE = Query(
    "credential.revoke_of_device",
    """
    UPDATE credential
       SET revoked_at = :now, revocation_reason = :reason, generation = generation + 1
     WHERE device_id = :device_id AND revoked_at IS NULL
    """,
)
_REVOKE_OF_USER = Query(
    "credential.revoke_of_user",
    """
    UPDATE credential
       SET revoked_at = :now, revocation_reason = :reason, generation = generation + 1
     WHERE revoked_at IS NULL
       AND device_id IN (SELECT d.id FROM device d WHERE d.user_id = :user_id)
    """,
)
_END_PROOFS = Query(
    "credential.end_proofs",
    "UPDATE credential SET generation = generation + 1 WHERE device_id = :device_id",
)
_LIVING = Query(
    "credential.living",
    f"{_COLUMNS} WHERE c.device_id = :device_id AND c.revoked_at IS NULL ORDER BY c.id",
)
_LIVING_OF_USER = Query(
    "credential.living_of_user",
    f"""{_COLUMNS} WHERE c.revoked_at IS NULL
       AND c.device_id IN (SELECT d.id FROM device d WHERE d.user_id = :user_id)
     ORDER BY c.id""",
)
_REQUEST_EXTEND = Query(
    "credential.request_extend",
    """
    UPDATE credential SET extend_requested_at = :now, key_roll_requested = :roll
     WHERE id = :id AND revoked_at IS NULL
    """,
)
_RENEW = Query(
    "credential.renew",
    """
    INSERT INTO credential (id, device_id, enrollment_id, kind, serial, fingerprint, key_digest,
                            certificate, not_before, not_after, issued_at, renews_id)
    SELECT :id, c.device_id, c.enrollment_id, 'certificate', :serial, :fingerprint, :key_digest,
           :certificate, :not_before, :not_after, :now, c.id
      FROM credential c
     WHERE c.id = :renews_id AND c.revoked_at IS NULL AND c.generation = :generation
    """,
    postgres="""
    INSERT INTO credential (id, device_id, enrollment_id, kind, serial, fingerprint, key_digest,
                            certificate, not_before, not_after, issued_at, renews_id)
    SELECT CAST(:id AS uuid), c.device_id, c.enrollment_id, 'certificate', CAST(:serial AS text),
           CAST(:fingerprint AS text), CAST(:key_digest AS bytea), CAST(:certificate AS text),
           CAST(:not_before AS bigint), CAST(:not_after AS bigint), CAST(:now AS bigint), c.id
      FROM credential c
     WHERE c.id = :renews_id AND c.revoked_at IS NULL AND c.generation = :generation
    """,
)
_REVOKE_RENEWALS = Query(
    "credential.revoke_renewals",
    """
    UPDATE credential
       SET revoked_at = :now, revocation_reason = 'replaced', generation = generation + 1
     WHERE renews_id = :renews_id AND revoked_at IS NULL AND device_id = :device_id
    """,
)
_RETIRE = Query(
    "credential.retire",
    """
    UPDATE credential
       SET revoked_at = :now, revocation_reason = 'renewed', generation = generation + 1
     WHERE id = :id AND revoked_at IS NULL AND generation = :generation
    """,
)
_FIND = Query("credential.find", f"{_COLUMNS} WHERE c.id = :id AND {_IN_USE}")
_IN_USE_EACH = SetQuery(
    "credential.in_use_each",
    "device_id uuid",
    f"{_SELECT} FROM asked JOIN credential c ON c.device_id = asked.device_id WHERE {_IN_USE}",
)
_SLICING = Slicing(
    f"""{_SELECT}, d.name AS device_name
      FROM credential c
      JOIN device d ON d.id = c.device_id
      JOIN organization o ON o.id = d.organization_id
     WHERE d.deleted_at IS NULL AND {_IN_USE}""",
    path="o.path",
    discreet=NOT_STAFF.format(user="d.user_id"),
    ids={"id": "c.id", "device": "c.device_id"},
    texts={"fingerprint": "c.fingerprint"},
)
_REVOKED = Query(
    "credential.revoked",
    """
    SELECT c.serial, c.revoked_at, c.revocation_reason FROM credential c
     WHERE c.revoked_at IS NOT NULL AND c.not_after > :now ORDER BY c.revoked_at, c.serial
    """,
)
_REVOKED_MARK = Query(
    "credential.revoked_mark",
    """
    SELECT count(*) AS found, COALESCE(max(revoked_at), 0) AS latest
      FROM credential WHERE revoked_at IS NOT NULL
    """,
)


@dataclass(frozen=True, slots=True)
class NewCertificate:
    """A signed certificate about to become real.

    `key_digest` is SHA-256 of its SubjectPublicKeyInfo: the same key in another request is the
    same device repeating itself (ruling 25).
    """

    id: Id
    serial: str
    fingerprint: str
    key_digest: bytes
    certificate: str
    not_before: int
    not_after: int


@dataclass(frozen=True, slots=True)
class Revoked:
    """A line of the revocation list."""

    serial: str
    revoked_at: int
    reason: str


@dataclass(frozen=True, slots=True)
class InUse:
    """A credential in use, and what the device that proves itself with it is called."""

    credential: Credential
    device_name: str


def row_of(new: NewCertificate, device_id: Id, enrollment_id: Id) -> dict[str, object]:
    """What `INSERT_EACH` takes to bind a certificate to a device."""
    return {
        "id": new.id,
        "device_id": device_id,
        "enrollment_id": enrollment_id,
        "serial": new.serial,
        "fingerprint": new.fingerprint,
        "key_digest": new.key_digest,
        "certificate": new.certificate,
        "not_before": new.not_before,
        "not_after": new.not_after,
    }


def of_device(tx: Reader, device_id: Id) -> list[Credential]:
    """All credentials that a device ever had, newest first."""
    return [_credential(row) for row in tx.all(_OF_DEVICE, device_id=device_id)]


def find(tx: Reader, credential_id: Id) -> Credential | None:
    """The credential with this id, where it is in use: neither revoked nor yet to be confirmed."""
    row = tx.one(_FIND, id=credential_id)
    return None if row is None else _credential(row)


def in_use(tx: Reader, device_ids: Iterable[Id]) -> dict[Id, Credential]:
    """What each of these devices authenticates with; those that hold nothing are left out."""
    return newest_of_each(tx, _IN_USE_EACH, device_ids, _credential)


def selected(tx: Reader, path: str, wanted: Selection, *, discreetly: bool) -> Slice[InUse]:
    """Credentials in use in a subtree, by the fields `id`, `device`, `fingerprint`."""

    def make(row: Row) -> InUse:
        return InUse(_credential(row), row["device_name"])

    return _SLICING.take(tx, path, wanted, make, discreetly=discreetly)


def by_serial(tx: Reader, serial: str) -> Credential | None:
    """The certificate with this serial number (lower-case hex)."""
    row = tx.one(_BY_SERIAL, serial=serial)
    return None if row is None else _credential(row)


def of_enrollment_key(
    tx: Reader, enrollment_id: Id, key_digest: bytes, since: int
) -> Credential | None:
    """What this key got from this enrollment after `since`: the answer to a repeated request."""
    row = tx.one(
        _OF_ENROLLMENT_KEY, enrollment_id=enrollment_id, key_digest=key_digest, since=since
    )
    return None if row is None else _credential(row)


def held_key(tx: Reader, enrollment_id: Id, key_digest: bytes) -> bool:
    """Whether this key ever got a certificate from this enrollment, whatever became of it."""
    return tx.one(_HELD_KEY, enrollment_id=enrollment_id, key_digest=key_digest) is not None


def of_user_key(tx: Reader, user_id: Id, key_digest: bytes, since: int) -> Credential | None:
    """The same for an enrollment by sign-in, which has no token to find it by."""
    row = tx.one(_OF_USER_KEY, user_id=user_id, key_digest=key_digest, since=since)
    return None if row is None else _credential(row)


def revoke_of_device(tx: Tx, device_id: Id, reason: str) -> int:
    """Revoke every living credential of a device; answer how many."""
    announcing.ended(tx, Of.DEVICE, device_id)
    return tx.run(_REVOKE_OF_DEVICE, device_id=device_id, now=tx.now, reason=reason)


def revoke_of_user(tx: Tx, user_id: Id, reason: str) -> int:
    """Revoke every living credential of a user's devices; answer how many."""
    announcing.ended(tx, Of.USER, user_id)
    return tx.run(_REVOKE_OF_USER, user_id=user_id, now=tx.now, reason=reason)


def end_proofs(tx: Tx, device_id: Id) -> None:
    """End whatever goes on because a credential of this device was shown earlier, but none of
    the credentials: for a device that is disconnected, or blocked for a while."""
    announcing.ended(tx, Of.DEVICE, device_id)
    tx.run(_END_PROOFS, device_id=device_id)


def living(tx: Reader, device_id: Id) -> list[Credential]:
    """The credentials of a device that were not revoked, oldest first; some may have run out."""
    return [_credential(row) for row in tx.all(_LIVING, device_id=device_id)]


def living_of_user(tx: Reader, user_id: Id) -> list[Credential]:
    """The same, of all devices of a user."""
    return [_credential(row) for row in tx.all(_LIVING_OF_USER, user_id=user_id)]


def request_extend(tx: Tx, credential_id: Id, *, roll_key: bool) -> bool:
    """Ask the device to renew a credential, perhaps with another key; False when it was revoked."""
    return tx.run(_REQUEST_EXTEND, id=credential_id, now=tx.now, roll=int(roll_key)) == 1


def renew(tx: Tx, new: NewCertificate, renews_id: Id, generation: int) -> bool:
    """Bind another certificate to a credential's device; False when that one counts no more."""
    made = tx.run(
        _RENEW,
        id=new.id,
        serial=new.serial,
        fingerprint=new.fingerprint,
        key_digest=new.key_digest,
        certificate=new.certificate,
        not_before=new.not_before,
        not_after=new.not_after,
        renews_id=renews_id,
        generation=generation,
        now=tx.now,
    )
    return made == 1


def revoke_renewals(tx: Tx, credential: Credential) -> int:
    """Revoke what was to renew a credential and was never confirmed; answer how many."""
    announcing.ended(tx, Of.DEVICE, credential.device_id)
    return tx.run(
        _REVOKE_RENEWALS, renews_id=credential.id, device_id=credential.device_id, now=tx.now
    )


def retire(tx: Tx, credential: Credential) -> bool:
    """Revoke a credential whose renewal was confirmed; False when it counts no more."""
    announcing.ended(tx, Of.DEVICE, credential.device_id)
    retired = tx.run(_RETIRE, id=credential.id, generation=credential.generation, now=tx.now)
    return retired == 1


def revoked(tx: Reader) -> list[Revoked]:
    """Revoked certificates that have not run out: the revocation list."""
    return [
        Revoked(row["serial"], row["revoked_at"], row["revocation_reason"])
        for row in tx.all(_REVOKED, now=tx.now)
    ]


def revoked_mark(tx: Reader) -> tuple[int, int]:
    """A value that changes whenever something was revoked: count and latest moment."""
    row = tx.one(_REVOKED_MARK)
    return (0, 0) if row is None else (int(row["found"]), int(row["latest"]))


def _credential(row: Row) -> Credential:
    return Credential(
        id=row["id"],
        device_id=row["device_id"],
        enrollment_id=row["enrollment_id"],
        kind=row["kind"],
        serial=row["serial"],
        fingerprint=row["fingerprint"],
        certificate=row["certificate"],
        not_before=row["not_before"],
        not_after=row["not_after"],
        issued_at=row["issued_at"],
        revoked_at=row["revoked_at"],
        revocation_reason=row["revocation_reason"],
        generation=row["generation"],
        renews_id=row["renews_id"],
        extend_requested_at=row["extend_requested_at"],
        key_roll_requested=bool(row["key_roll_requested"]),
    )
