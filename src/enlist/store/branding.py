"""How organizations look: their own values, and the logos that these name by digest."""

from __future__ import annotations

from collections.abc import Mapping

from enlist.core.branding import Branding, resolve
from enlist.core.ids import Id
from enlist.core.policy import ChildPermission
from enlist.store import organizations
from enlist.store.tx import Query, Reader, Tx

_OWN = Query(
    "branding.own",
    "SELECT b.key, b.value FROM organization_branding b WHERE b.organization_id = :organization_id",
)
_PUT = Query(
    "branding.put",
    """
    INSERT INTO organization_branding (organization_id, key, value)
    VALUES (:organization_id, :key, :value)
    ON CONFLICT (organization_id, key) DO UPDATE SET value = excluded.value
    """,
)
_DROP = Query(
    "branding.drop",
    "DELETE FROM organization_branding WHERE organization_id = :organization_id AND key = :key",
)
_LOGO = Query("branding.logo", "SELECT l.content FROM logo l WHERE l.digest = :digest")
_PUT_LOGO = Query(
    "branding.put_logo",
    "INSERT INTO logo (digest, content) VALUES (:digest, :content) ON CONFLICT (digest) DO NOTHING",
)
_FORGET_LOGOS = Query(
    "branding.forget_logos",
    """
    DELETE FROM logo WHERE NOT EXISTS (SELECT 1 FROM organization_branding b
                                        WHERE b.key = 'logo' AND b.value = logo.digest)
    """,
)


def own(tx: Reader, organization_id: Id) -> dict[str, str]:
    """What an organization says itself."""
    rows = tx.all(_OWN, organization_id=organization_id)
    return {row["key"]: row["value"] for row in rows}


def at(tx: Reader, path: str) -> Branding:
    """What counts at the organization with this path."""
    chain = []
    for place in organizations.upwards(tx, path):
        policy = organizations.policy(tx, place.path)
        only = policy.child_permission is ChildPermission.INHERIT_ONLY
        chain.append((place.group_id, own(tx, place.id), only))
    return resolve(chain)


def put(tx: Tx, organization_id: Id, change: Mapping[str, str | None]) -> None:
    """Store own values; None takes one back to what is above. Logos that nobody names go."""
    for key, value in change.items():
        if value is None:
            tx.run(_DROP, organization_id=organization_id, key=key)
        else:
            tx.run(_PUT, organization_id=organization_id, key=key, value=value)
    tx.run(_FORGET_LOGOS)


def put_logo(tx: Tx, digest: str, content: bytes) -> None:
    """Keep a logo, under its digest."""
    tx.run(_PUT_LOGO, digest=digest, content=content)


def logo(tx: Reader, digest: str) -> bytes | None:
    """The logo with this digest."""
    row = tx.one(_LOGO, digest=digest)
    return None if row is None else bytes(row["content"])
