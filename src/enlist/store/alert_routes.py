"""Who is told of alerts: by organization, the nearest that says something counts as a whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id
from enlist.core.model import Organization
from enlist.core.permissions import Role
from enlist.store.tx import Query, Reader, Tx

_IN_FORCE = Query(
    "alert_route.in_force",
    """
    SELECT r.organization_id, o.group_id, o.path, r.roles, r.switched_off
      FROM alert_route r JOIN organization o ON o.id = r.organization_id
     WHERE substr(:path, 1, length(o.path)) = o.path
     ORDER BY length(o.path) DESC LIMIT 1
    """,
)
_ADDRESSES = Query(
    "alert_route.addresses",
    "SELECT address FROM alert_address WHERE organization_id = :organization_id ORDER BY address",
)
_PUT = Query(
    "alert_route.put",
    """
    INSERT INTO alert_route (organization_id, roles, switched_off)
    VALUES (:organization_id, :roles, :switched_off)
    ON CONFLICT (organization_id) DO UPDATE SET
        roles = excluded.roles, switched_off = excluded.switched_off
    """,
)
_DROP_ADDRESSES = Query(
    "alert_route.drop_addresses",
    "DELETE FROM alert_address WHERE organization_id = :organization_id",
)
_ADD_ADDRESS = Query(
    "alert_route.add_address",
    """
    INSERT INTO alert_address (organization_id, address) VALUES (:organization_id, :address)
    ON CONFLICT DO NOTHING
    """,
)
_DROP = Query(
    "alert_route.drop", "DELETE FROM alert_route WHERE organization_id = :organization_id"
)
_HOLDERS = Query(
    "alert_route.holders",
    """
    SELECT r.role, length(o.path) AS depth, u.id AS user_id, u.email
      FROM role_assignment r
      JOIN organization o ON o.id = r.organization_id
      JOIN app_user u ON u.id = r.user_id
     WHERE substr(:path, 1, length(o.path)) = o.path AND o.deleted_at IS NULL
       AND u.deleted_at IS NULL AND u.state = 'active' AND u.email <> ''
     ORDER BY u.id
    """,
)
DEFAULT: Final = "default"
"""The source of what counts where no organization says anything."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Who is told.

    Attributes:
        roles: whose holders get an e-mail.
        addresses: that get one as well.
        switched_off: kinds of alerts that are not raised.
        source: Group ID of the organization that says so, or `default`; `path` is its path.
    """

    roles: tuple[str, ...] = (Role.ADMINISTRATOR.value,)
    addresses: tuple[str, ...] = ()
    switched_off: tuple[str, ...] = ()
    source: str = DEFAULT
    path: str = ""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody who gets an e-mail; an address alone where he is no user."""

    address: str
    user_id: Id | None = None


def in_force(tx: Reader, path: str) -> Routes:
    """What counts at the organization with this path."""
    row = tx.one(_IN_FORCE, path=path)
    if row is None:
        return Routes()
    found = tx.all(_ADDRESSES, organization_id=row["organization_id"])
    return Routes(
        tuple(json.loads(row["roles"])),
        tuple(each["address"] for each in found),
        tuple(json.loads(row["switched_off"])),
        row["group_id"],
        row["path"],
    )


def put(tx: Tx, organization: Organization, routes: Routes | None) -> None:
    """Say who is told there and below; None for what counts above."""
    tx.run(_DROP_ADDRESSES, organization_id=organization.id)
    if routes is None:
        tx.run(_DROP, organization_id=organization.id)
        return
    off, roles = json.dumps(routes.switched_off), json.dumps(routes.roles)
    tx.run(_PUT, organization_id=organization.id, roles=roles, switched_off=off)
    for address in routes.addresses:
        tx.run(_ADD_ADDRESS, organization_id=organization.id, address=address)


def addressees(tx: Reader, path: str, routes: Routes) -> list[Addressee]:
    """Everybody who is told of what is amiss at the organization with this path, each once.

    Of a role these are its holders on that organization, or, where it has none there, on the
    nearest above: whoever looks after two hundred customers hears of those that nobody else does.
    """
    holders = tx.all(_HOLDERS, path=path)
    found: dict[str, Addressee] = {}
    for role in routes.roles:
        nearest = max((row["depth"] for row in holders if row["role"] == role), default=0)
        for row in holders:
            if row["role"] == role and row["depth"] == nearest:
                found.setdefault(row["email"].lower(), Addressee(row["email"], row["user_id"]))
    for address in routes.addresses:
        found.setdefault(address.lower(), Addressee(address))
    return list(found.values())
