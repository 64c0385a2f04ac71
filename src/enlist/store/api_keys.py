"""API keys: how programs are recognised, each by the keyed digest of a key that is never stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from enlist.core.access import ApiKey
from enlist.core.ids import Id
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Right, Role, rights_of_key
from enlist.core.secrets import Digest
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.own_roles import permissions_of
from enlist.store.tx import Query, Reader, Row, Tx

_FIELDS = """
    SELECT k.id, k.public_id, k.name, k.organization_id, o.path AS organization_path, o.group_id,
           k.role, k.permissions, k.addresses, k.created_at, k.created_by, k.creator_id,
           k.expires_at, k.revoked_at, k.last_used_at, k.last_used_from
"""
_COLUMNS = f"{_FIELDS} FROM api_key k JOIN organization o ON o.id = k.organization_id"
_INSERT = Query(
    "api_key.insert",
    """
    INSERT INTO api_key (id, public_id, digest, lookup_key_id, name, organization_id, role,
                         permissions, addresses, created_at, created_by, creator_id, expires_at)
    VALUES (:id, :public_id, :digest, :key_id, :name, :organization_id, :role, :permissions,
            :addresses, :now, :created_by, :creator_id, :expires_at)
    """,
)
_BY_DIGEST = Query(
    "api_key.by_digest",
    # A row for each role that its maker holds now, at least one; with the key in one question,
    # because every request of a program asks it.
    f"""{_FIELDS}, r.role AS held_role, c.permissions AS held_permissions, h.path AS held_path
      FROM api_key k JOIN organization o ON o.id = k.organization_id
      LEFT JOIN app_user u ON u.id = k.creator_id AND u.state = 'active' AND u.deleted_at IS NULL
      LEFT JOIN role_assignment r ON r.user_id = u.id
      LEFT JOIN own_role c ON c.id = r.role
      LEFT JOIN organization h ON h.id = r.organization_id AND h.deleted_at IS NULL
     WHERE k.digest = :digest AND o.deleted_at IS NULL""",
)
_FIND = Query("api_key.find", f"{_COLUMNS} WHERE k.id = :id")
_HELD = Query(
    "api_key.held",
    """
    SELECT r.role AS held_role, c.permissions AS held_permissions, h.path AS held_path
      FROM app_user u
      JOIN role_assignment r ON r.user_id = u.id
      LEFT JOIN own_role c ON c.id = r.role
      JOIN organization h ON h.id = r.organization_id AND h.deleted_at IS NULL
     WHERE u.id = :creator_id AND u.state = 'active' AND u.deleted_at IS NULL
    """,
)
_REVOKE = Query(
    "api_key.revoke", "UPDATE api_key SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"
)
_LIVE_OF_MAKER = Query(
    "api_key.live_of_maker",
    f"""{_COLUMNS}
     WHERE k.creator_id = :creator_id AND k.revoked_at IS NULL
       AND (k.expires_at IS NULL OR k.expires_at > :now)
     ORDER BY k.id""",
)
_USED = Query(
    "api_key.used",
    """
    UPDATE api_key SET last_used_at = :now, last_used_from = :address
     WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :stale
                         OR last_used_from <> :address)
    """,
)
_LIST = Listing(
    "api_keys",
    f"{_COLUMNS} WHERE 1 = 1",
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


def insert(tx: Tx, key: ApiKey, digest: Digest) -> None:
    """Store an API key; of the key itself only this digest."""
    tx.run(
        _INSERT,
        id=key.id,
        public_id=key.public_id,
        digest=digest.value,
        key_id=digest.key_id,
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


def by_digest(tx: Reader, digests: Sequence[bytes]) -> ApiKey | None:
    """The API key with one of these digests, living or not."""
    for digest in digests:
        rows = tx.all(_BY_DIGEST, digest=digest)
        if rows:
            return _api_key(rows[0], _held([row for row in rows if row["held_path"] is not None]))
    return None


def find(tx: Reader, key_id: Id) -> ApiKey | None:
    """The API key with this id."""
    row = tx.one(_FIND, id=key_id)
    return None if row is None else _api_key(row, _of_maker(tx, row["creator_id"]))


def revoke(tx: Tx, key_id: Id) -> bool:
    """End an API key; False when it was ended before."""
    return tx.run(_REVOKE, id=key_id, now=tx.now) == 1


def live_of_maker(tx: Reader, creator_id: Id) -> list[ApiKey]:
    """The keys that somebody made and that work yet, oldest first."""
    held = _of_maker(tx, creator_id)
    return [
        _api_key(row, held) for row in tx.all(_LIVE_OF_MAKER, creator_id=creator_id, now=tx.now)
    ]


def used(tx: Tx, key_id: Id, address: str, stale: int) -> None:
    """Note the last use, unless it was noted after `stale` from the same address."""
    tx.run(_USED, id=key_id, now=tx.now, address=address, stale=stale)


def page(tx: Reader, request: PageRequest) -> Page[ApiKey] | Refusal:
    """API keys of a subtree."""
    found = _LIST.page(tx, request, _api_key)
    if isinstance(found, Refusal):
        return found
    makers = {key.creator_id for key in found.items}
    held = {maker: _of_maker(tx, maker) for maker in makers}
    items = tuple(_bounded(key, held[key.creator_id]) for key in found.items)
    return Page(items, found.next_cursor)


def _of_maker(tx: Reader, creator_id: Id | None) -> tuple[Right, ...]:
    """What the maker of a key may do now."""
    return _held(tx.all(_HELD, creator_id=creator_id)) if creator_id else ()


def _held(rows: Sequence[Row]) -> tuple[Right, ...]:
    return tuple(
        Right(row["held_path"], permissions_of(row["held_role"], row["held_permissions"]))
        for row in rows
    )


def _bounded(key: ApiKey, held: tuple[Right, ...]) -> ApiKey:
    bound = None if key.creator_id is None else held
    return replace(
        key, rights=rights_of_key(key.organization_path, key.role, key.permissions, bound)
    )


def _api_key(row: Row, held: tuple[Right, ...] = ()) -> ApiKey:
    """A key, bounded by what its maker holds."""
    key = ApiKey(
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
        rights=(),
    )
    return _bounded(key, held)
