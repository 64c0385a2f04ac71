"""How callers are recognised: sign-ins, API keys, and the first administrator's set-up link.

All three are found by the keyed digest of a secret that is never stored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from enlist.core.ids import NOTHING, Id
from enlist.core.model import ApiKey, SignIn
from enlist.core.outcomes import Refusal
from enlist.core.policy import ROLES, Right, Role
from enlist.core.secrets import Digest
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.tx import Query, Reader, Row, Tx

# --- sign-ins ----------------------------------------------------------------------------------

_START = Query(
    "sign_in.start",
    """
    INSERT INTO sign_in (id, digest, lookup_key_id, user_id, started_at, last_seen_at, proved_at,
                         expires_at, address, user_agent)
    VALUES (:id, :digest, :key_id, :user_id, :now, :now, :now, :expires_at, :address, :user_agent)
    """,
)
_SIGN_IN_COLUMNS = """
    SELECT s.id, s.user_id, s.started_at, s.last_seen_at, s.proved_at, s.expires_at, s.ended_at,
           s.address, s.user_agent
      FROM sign_in s
"""
_BY_DIGEST = Query(
    "sign_in.by_digest",
    f"""{_SIGN_IN_COLUMNS} JOIN app_user u ON u.id = s.user_id
     WHERE s.digest = :digest AND s.ended_at IS NULL AND s.expires_at > :now
       AND s.last_seen_at > :idle_since AND u.state = 'active' AND u.deleted_at IS NULL""",
)
_OF_USER = Query(
    "sign_in.of_user",
    f"""{_SIGN_IN_COLUMNS}
     WHERE s.user_id = :user_id AND s.ended_at IS NULL AND s.expires_at > :now
       AND s.last_seen_at > :idle_since
     ORDER BY s.id DESC""",
)
_LAST_ADDRESSES = Query(
    "sign_in.last_addresses",
    "SELECT address FROM sign_in WHERE user_id = :user_id ORDER BY id DESC LIMIT 20",
)
_SEEN = Query(
    "sign_in.seen",
    "UPDATE sign_in SET last_seen_at = :now WHERE id = :id AND ended_at IS NULL",
)
_PROVED = Query(
    "sign_in.proved",
    "UPDATE sign_in SET proved_at = :now WHERE id = :id AND ended_at IS NULL",
)
_END = Query(
    "sign_in.end",
    """
    UPDATE sign_in SET ended_at = :now
     WHERE id = :id AND user_id = :user_id AND ended_at IS NULL
    """,
)
_END_ALL = Query(
    "sign_in.end_all",
    "UPDATE sign_in SET ended_at = :now "
    "WHERE user_id = :user_id AND ended_at IS NULL AND id <> :keep",
)


def start_sign_in(tx: Tx, sign_in: SignIn, digest: Digest) -> None:
    """Store a fresh sign-in under the digest of its cookie."""
    tx.run(
        _START,
        id=sign_in.id,
        digest=digest.value,
        key_id=digest.key_id,
        user_id=sign_in.user_id,
        now=sign_in.started_at,
        expires_at=sign_in.expires_at,
        address=sign_in.address,
        user_agent=sign_in.user_agent[:300],
    )


def find_sign_in(tx: Reader, digests: Sequence[bytes], idle_since: int) -> SignIn | None:
    """The living sign-in of an active user, by the digests of a presented cookie."""
    for digest in digests:
        row = tx.one(_BY_DIGEST, digest=digest, now=tx.now, idle_since=idle_since)
        if row is not None:
            return _sign_in(row)
    return None


def sign_ins_of(tx: Reader, user_id: Id, idle_since: int) -> list[SignIn]:
    """The living sign-ins of a user, newest first."""
    return [
        _sign_in(row)
        for row in tx.all(_OF_USER, user_id=user_id, now=tx.now, idle_since=idle_since)
    ]


def last_addresses(tx: Reader, user_id: Id) -> set[str]:
    """Where a user's last twenty sign-ins came from."""
    return {row["address"] for row in tx.all(_LAST_ADDRESSES, user_id=user_id)}


def seen(tx: Tx, sign_in_id: Id) -> None:
    """The sign-in was used now."""
    tx.run(_SEEN, id=sign_in_id, now=tx.now)


def proved(tx: Tx, sign_in_id: Id) -> None:
    """Its user has just proved himself again."""
    tx.run(_PROVED, id=sign_in_id, now=tx.now)


def end_sign_in(tx: Tx, sign_in_id: Id, user_id: Id) -> bool:
    """End one sign-in of this user; False when it was over."""
    return tx.run(_END, id=sign_in_id, user_id=user_id, now=tx.now) == 1


def end_sign_ins(tx: Tx, user_id: Id, keep: Id | None = None) -> int:
    """End every sign-in of a user, but perhaps the present one; answer how many."""
    return tx.run(_END_ALL, user_id=user_id, now=tx.now, keep=keep or NOTHING)


def _sign_in(row: Row) -> SignIn:
    return SignIn(
        id=row["id"],
        user_id=row["user_id"],
        started_at=row["started_at"],
        last_seen_at=row["last_seen_at"],
        proved_at=row["proved_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
        address=row["address"],
        user_agent=row["user_agent"],
    )


# --- API keys ----------------------------------------------------------------------------------

_KEY_FIELDS = """
    SELECT k.id, k.public_id, k.name, k.organization_id, o.path AS organization_path, o.group_id,
           k.role, k.permissions, k.addresses, k.created_at, k.created_by, k.creator_id,
           k.expires_at, k.revoked_at, k.last_used_at, k.last_used_from
"""
_KEY_COLUMNS = f"{_KEY_FIELDS} FROM api_key k JOIN organization o ON o.id = k.organization_id"
_INSERT_KEY = Query(
    "api_key.insert",
    """
    INSERT INTO api_key (id, public_id, digest, lookup_key_id, name, organization_id, role,
                         permissions, addresses, created_at, created_by, creator_id, expires_at)
    VALUES (:id, :public_id, :digest, :key_id, :name, :organization_id, :role, :permissions,
            :addresses, :now, :created_by, :creator_id, :expires_at)
    """,
)
_KEY_BY_DIGEST = Query(
    "api_key.by_digest",
    # A row for each role that its maker holds now, at least one; with the key in one question,
    # because every request of a program asks it.
    f"""{_KEY_FIELDS}, r.role AS held_role, h.path AS held_path
      FROM api_key k JOIN organization o ON o.id = k.organization_id
      LEFT JOIN app_user u ON u.id = k.creator_id AND u.state = 'active' AND u.deleted_at IS NULL
      LEFT JOIN role_assignment r ON r.user_id = u.id
      LEFT JOIN organization h ON h.id = r.organization_id AND h.deleted_at IS NULL
     WHERE k.digest = :digest AND o.deleted_at IS NULL""",
)
_KEY = Query("api_key.find", f"{_KEY_COLUMNS} WHERE k.id = :id")
_REVOKE_KEY = Query(
    "api_key.revoke", "UPDATE api_key SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"
)
_KEY_USED = Query(
    "api_key.used",
    """
    UPDATE api_key SET last_used_at = :now, last_used_from = :address
     WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :stale
                         OR last_used_from <> :address)
    """,
)
_KEYS = Listing(
    "api_keys",
    f"{_KEY_COLUMNS} WHERE 1 = 1",
    id="k.id",
    path="o.path",
    sorts={
        "created_at": "k.id",
        "name": "lower(k.name)",
        "last_used_at": "COALESCE(k.last_used_at, 0)",
    },
    default_sort="-created_at",
    filters={
        "id": "k.id = :id",
        "state": "CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' "
        "WHEN k.expires_at IS NOT NULL AND k.expires_at <= :now THEN 'expired' "
        "ELSE 'active' END = :state",
    },
    search=("k.name", "k.public_id"),
)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """An API key to be stored: the key itself is only ever its digest here."""

    key: ApiKey
    digest: Digest


@dataclass(frozen=True, slots=True)
class PresentedApiKey:
    """An API key that was presented; `held` is what its maker may do now, None for no maker."""

    key: ApiKey
    held: tuple[Right, ...] | None


def insert_api_key(tx: Tx, new: NewApiKey) -> None:
    """Store an API key."""
    key = new.key
    tx.run(
        _INSERT_KEY,
        id=key.id,
        public_id=key.public_id,
        digest=new.digest.value,
        key_id=new.digest.key_id,
        name=key.name,
        organization_id=key.organization_id,
        role=key.role.value,
        permissions=json.dumps(key.permissions),
        addresses=json.dumps(key.addresses),
        now=key.created_at,
        created_by=key.created_by,
        creator_id=key.creator_id,
        expires_at=key.expires_at,
    )


def api_key_by_digest(tx: Reader, digests: Sequence[bytes]) -> PresentedApiKey | None:
    """The API key with one of these digests, living or not."""
    for digest in digests:
        rows = tx.all(_KEY_BY_DIGEST, digest=digest)
        if rows:
            key = _api_key(rows[0])
            held = tuple(
                Right(row["held_path"], ROLES[Role(row["held_role"])])
                for row in rows
                if row["held_path"] is not None
            )
            return PresentedApiKey(key, None if key.creator_id is None else held)
    return None


def api_key(tx: Reader, key_id: Id) -> ApiKey | None:
    """The API key with this id."""
    row = tx.one(_KEY, id=key_id)
    return None if row is None else _api_key(row)


def revoke_api_key(tx: Tx, key_id: Id) -> bool:
    """End an API key; False when it was ended before."""
    return tx.run(_REVOKE_KEY, id=key_id, now=tx.now) == 1


def api_key_used(tx: Tx, key_id: Id, address: str, stale: int) -> None:
    """Note the last use, unless it was noted after `stale` from the same address."""
    tx.run(_KEY_USED, id=key_id, now=tx.now, address=address, stale=stale)


def api_keys(tx: Reader, request: PageRequest) -> Page[ApiKey] | Refusal:
    """API keys of a subtree."""
    return _KEYS.page(tx, request, _api_key)


def _api_key(row: Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        public_id=row["public_id"],
        name=row["name"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        role=Role(row["role"]),
        permissions=tuple(json.loads(row["permissions"])),
        addresses=tuple(json.loads(row["addresses"])),
        created_at=row["created_at"],
        created_by=row["created_by"],
        creator_id=row["creator_id"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        last_used_from=row["last_used_from"],
    )


# --- the first administrator's link --------------------------------------------------------------

_PUT_LINK = Query(
    "setup_link.put",
    "INSERT INTO setup_link (digest, made_at, expires_at) VALUES (:digest, :now, :expires_at)",
)
_DROP_LINKS = Query("setup_link.drop", "DELETE FROM setup_link")
_LINK_LIVES = Query(
    "setup_link.lives",
    """
    SELECT 1 AS found FROM setup_link
     WHERE digest = :digest AND used_at IS NULL AND expires_at > :now
    """,
)
_USE_LINK = Query(
    "setup_link.use",
    """
    UPDATE setup_link SET used_at = :now
     WHERE digest = :digest AND used_at IS NULL AND expires_at > :now
    """,
)


def put_setup_link(tx: Tx, digest: Digest, expires_at: int) -> None:
    """The only set-up link; older ones end."""
    tx.run(_DROP_LINKS)
    tx.run(_PUT_LINK, digest=digest.value, now=tx.now, expires_at=expires_at)


def setup_link_lives(tx: Reader, digests: Sequence[bytes]) -> bytes | None:
    """The digest of a set-up link that still works, among these."""
    for digest in digests:
        if tx.one(_LINK_LIVES, digest=digest, now=tx.now) is not None:
            return digest
    return None


def use_setup_link(tx: Tx, digest: bytes) -> bool:
    """Spend a set-up link; False when it is spent or over."""
    return tx.run(_USE_LINK, digest=digest, now=tx.now) == 1
