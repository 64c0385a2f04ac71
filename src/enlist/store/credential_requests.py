"""One-time credentials that were asked for with the right passcode: a queue, and its people.

`waiting` is to be answered with credentials. `proof` waits for its owner to show that he reads his
mailbox: where self-service is shielded, nothing else is looked at before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.core.passcodes import Known
from enlist.core.secrets import Digest
from enlist.store.tx import Query, Reader, Row, Tx

_KNOWN = """
    SELECT u.id, u.username, u.organization_id, o.path AS organization_path, u.email, u.authorized
      FROM app_user u JOIN organization o ON o.id = u.organization_id
     WHERE {named} AND u.deleted_at IS NULL AND u.state = 'active' AND u.email_folded <> ''
     ORDER BY u.id LIMIT :limit
"""
_BY_EMAIL = Query("credential_request.by_email", _KNOWN.format(named="u.email_folded = :named"))
_BY_USERNAME = Query(
    "credential_request.by_username", _KNOWN.format(named="u.username_folded = :named")
)
_INSERT_TEXT = """
    INSERT INTO credential_request (id, passcode_id, organization_id, user_id, platform, state,
                                    requested_at, digest, derive_key_id, tries, expires_at)
    SELECT {id}, {passcode_id}, {organization_id}, u.id, {platform}, {state}, {now}, {digest},
           {derive_key_id}, 0, {expires_at}
      FROM app_user u WHERE u.id = :user_id AND u.deleted_at IS NULL AND u.state = 'active'
"""
_TYPES = {
    "id": "uuid",
    "passcode_id": "uuid",
    "organization_id": "uuid",
    "platform": "text",
    "state": "text",
    "now": "bigint",
    "digest": "bytea",
    "derive_key_id": "text",
    "expires_at": "bigint",
}
_INSERT = Query(
    "credential_request.insert",
    _INSERT_TEXT.format_map({name: f":{name}" for name in _TYPES}),
    postgres=_INSERT_TEXT.format_map({n: f"CAST(:{n} AS {kind})" for n, kind in _TYPES.items()}),
)
_COLUMNS = """
    SELECT r.id, r.passcode_id, r.organization_id, r.user_id, r.platform, r.state, r.requested_at,
           r.derive_key_id, r.tries, r.expires_at
      FROM credential_request r
"""
_WAITING = Query(
    "credential_request.waiting",
    f"{_COLUMNS} WHERE r.state = 'waiting' ORDER BY r.id LIMIT :limit",
)
_FIND = Query("credential_request.find", f"{_COLUMNS} WHERE r.id = :id")
_BY_DIGEST = Query("credential_request.by_digest", f"{_COLUMNS} WHERE r.digest = :digest")
_TAKE = Query(
    "credential_request.take", "DELETE FROM credential_request WHERE id = :id AND state = 'waiting'"
)
_TRY = Query(
    "credential_request.try",
    """
    UPDATE credential_request SET tries = tries + 1
     WHERE id = :id AND state = 'proof' AND tries < :most AND expires_at > :now
    """,
)
_PROVED = Query(
    "credential_request.proved",
    """
    UPDATE credential_request SET state = 'waiting', digest = NULL, passcode_id = :passcode_id,
                                  organization_id = :organization_id
     WHERE id = :id AND state = 'proof' AND expires_at > :now
    """,
)
_SWEEP = Query(
    "credential_request.sweep",
    "DELETE FROM credential_request WHERE state = 'proof' AND expires_at <= :now",
)

MOST_OF_ONE_ADDRESS: Final = 5
"""People of different organizations who have the same e-mail address."""


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """What somebody asked for.

    Attributes:
        tries: wrong passcodes beside the proof of his mailbox.
        derive_key_id: what the secret of that proof's link is derived with; "" where none is asked.
    """

    id: Id
    passcode_id: Id
    organization_id: Id
    user_id: Id
    platform: str
    state: str
    requested_at: int
    derive_key_id: str
    tries: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request about to be stored; `digest` is of a proof's link, None where none is asked."""

    id: Id
    passcode_id: Id
    organization_id: Id
    user_id: Id
    platform: str
    expires_at: int
    digest: Digest | None = None
    derive_key_id: str = ""


def known(tx: Reader, named: str) -> list[Known]:
    """Who may be meant by an e-mail address or a user name, in any case of letters."""
    found: dict[Id, Known] = {}
    for query in (_BY_EMAIL, _BY_USERNAME):
        for row in tx.all(query, named=named.casefold(), limit=MOST_OF_ONE_ADDRESS):
            found.setdefault(row["id"], _person(row))
    return list(found.values())


def insert(tx: Tx, new: NewRequest) -> bool:
    """Queue a request; False where there is nobody of this id who may have one."""
    row = {
        "id": new.id,
        "passcode_id": new.passcode_id,
        "organization_id": new.organization_id,
        "user_id": new.user_id,
        "platform": new.platform,
        "state": "proof" if new.digest else "waiting",
        "digest": new.digest.value if new.digest else None,
        "derive_key_id": new.derive_key_id,
        "expires_at": new.expires_at,
    }
    return tx.run(_INSERT, **row, now=tx.now) == 1


def waiting(tx: Reader, limit: int) -> Sequence[CredentialRequest]:
    """The oldest requests that are to be answered."""
    return [_request(row) for row in tx.all(_WAITING, limit=limit)]


def find(tx: Reader, request_id: Id) -> CredentialRequest | None:
    """One request."""
    row = tx.one(_FIND, id=request_id)
    return None if row is None else _request(row)


def by_digests(tx: Reader, digests: Sequence[bytes]) -> CredentialRequest | None:
    """The request that the link of a proof belongs to."""
    rows = [tx.one(_BY_DIGEST, digest=digest) for digest in digests]
    return next((_request(row) for row in rows if row is not None), None)


def take(tx: Tx, request_id: Id) -> bool:
    """A request is answered now; False where another process has done that."""
    return tx.run(_TAKE, id=request_id) == 1


def take_try(tx: Tx, request_id: Id, most: int) -> bool:
    """Count a passcode that is about to be compared; False where none may be any more."""
    return tx.run(_TRY, id=request_id, most=most, now=tx.now) == 1


def proved(tx: Tx, request_id: Id, passcode_id: Id, organization_id: Id) -> bool:
    """Its owner reads the mailbox and knows the passcode: it is to be answered, once."""
    changed = tx.run(
        _PROVED,
        id=request_id,
        passcode_id=passcode_id,
        organization_id=organization_id,
        now=tx.now,
    )
    return changed == 1


def sweep(tx: Tx) -> int:
    """Forget requests that nobody proved in time; answer how many."""
    return tx.run(_SWEEP, now=tx.now)


def _person(row: Row) -> Known:
    return Known(
        user_id=row["id"],
        username=row["username"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        email=row["email"],
        authorized=tuple(row["authorized"].split()),
    )


def _request(row: Row) -> CredentialRequest:
    return CredentialRequest(
        id=row["id"],
        passcode_id=row["passcode_id"],
        organization_id=row["organization_id"],
        user_id=row["user_id"],
        platform=row["platform"],
        state=row["state"],
        requested_at=row["requested_at"],
        derive_key_id=row["derive_key_id"],
        tries=row["tries"],
        expires_at=row["expires_at"],
    )
