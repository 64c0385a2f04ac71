"""Roles: the built-in ones, and those that organizations put together."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core import access
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.permissions import Role as BuiltIn
from enlist.verbs import documents
from enlist.verbs.own_role_changes import ChangeOwnRole, DeleteOwnRole
from enlist.verbs.own_roles import AddOwnRole, ListOwnRoles, OwnRoleAgain, ShowOwnRole
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.myself import SIGNED_IN
from enlist.web.api.operations import (
    IDEMPOTENT,
    IdempotencyHeader,
    IfMatch,
    Operations,
    Staff,
    shown,
    version_of,
)
from enlist.web.values import EXAMPLE_ID, IdGiven, Line

operations: Final = Operations("Users")

_WORDS: Final[JsonDict] = {
    "name": "Field support",
    "description": "Registers devices, and nothing else.",
    "permissions": ["devices:read", "devices:register", "users:read"],
}


class DescribedRole(Shown):
    """A role, and what it may do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "role": EXAMPLE_ID,
                    **_WORDS,
                    "organization": "berlin",
                    "organization_id": EXAMPLE_ID,
                    "built_in": False,
                    "held": 3,
                    "version": 1,
                }
            ]
        }
    )

    role: str
    """The name of a built-in role, or the id of an organization's own."""
    name: str
    description: str
    permissions: list[Permission]
    organization: str | None
    """Where it was made; it can be given there and below. Null for a built-in one."""
    organization_id: str | None
    built_in: bool
    held: int | None
    """How often it is held at the organization asked for and below; null for a built-in one."""
    version: int

    @classmethod
    def of(cls, found: access.OwnRole) -> DescribedRole:
        """An organization's own role."""
        return cls(**documents.own_role(found))

    @classmethod
    def built_in_one(cls, role: BuiltIn) -> DescribedRole:
        """A role that every installation has."""
        return cls(**documents.built_in_role(role))


class Roles(Shown):
    """The roles that can be given."""

    items: list[DescribedRole]
    permissions: list[Permission]
    """Every permission; API keys may hold single ones beyond their role."""


class RoleQuery(Body):
    """Where roles shall be given."""

    organization: Line = ""
    """Id or Group ID; your own if left out."""
    below: bool = False
    """Those as well that the organizations below put together; they can be given there alone."""


@operations.staff("GET", "/roles", SIGNED_IN, answers=Roles)
async def list_roles(asking: Staff, query: Annotated[RoleQuery, Query()]) -> Roles | Refusal:
    """List the roles that can be given in an organization, and what each may do.

    Who may not see staff is shown the built-in ones alone, unless he names an organization.
    """
    built_in = [DescribedRole.built_in_one(each) for each in BuiltIn]
    caller = asking.caller
    sees_staff = query.organization or caller.may(Permission.STAFF_READ, caller.home)
    own: tuple[access.OwnRole, ...] | Refusal = ()
    if sees_staff:
        own = await asking.see(ListOwnRoles(query.organization, query.below))
    return shown(
        own,
        lambda found: Roles(
            items=[*built_in, *(DescribedRole.of(each) for each in found)],
            permissions=sorted(Permission),
        ),
    )


class NewRole(Body):
    """A role to be put together."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"organization": "berlin", **_WORDS}]}
    )

    organization: Line = ""
    """Id or Group ID; your own if left out. It can be given there and below."""
    name: Line
    description: Line = ""
    permissions: Annotated[list[Line], Field(max_length=len(Permission))]
    """None that you do not hold there yourself."""


@operations.staff(
    "POST",
    "/roles",
    Permission.ROLES_EDIT,
    answers=DescribedRole,
    status=201,
    refuses=(*IDEMPOTENT, "proof_too_old"),
)
async def add_role(
    asking: Staff, body: NewRole, _key: IdempotencyHeader = None
) -> DescribedRole | Refusal:
    """Put a role together from permissions that you hold yourself."""
    verb = AddOwnRole(body.organization, body.name, tuple(body.permissions), body.description)
    added = await asking.do_once(verb, OwnRoleAgain)
    return _versioned(asking, added)


@operations.staff("GET", "/roles/{role_id}", Permission.STAFF_READ, answers=DescribedRole)
async def show_role(asking: Staff, role_id: IdGiven) -> DescribedRole | Refusal:
    """Show a role that an organization put together."""
    found = await asking.see(ShowOwnRole(role_id))
    return _versioned(asking, found)


class RoleChanges(Body):
    """What to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Field service"}]})

    name: Line | None = None
    description: Line | None = None
    permissions: Annotated[list[Line], Field(max_length=len(Permission))] | None = None


@operations.staff(
    "PATCH",
    "/roles/{role_id}",
    Permission.ROLES_EDIT,
    answers=DescribedRole,
    refuses=("proof_too_old", "precondition_failed"),
)
async def change_role(
    asking: Staff, role_id: IdGiven, body: RoleChanges, if_match: IfMatch = None
) -> DescribedRole | Refusal:
    """Change a role. It counts at once for everybody who holds it."""
    changes: dict[str, str | tuple[str, ...]] = {}
    for key, value in body.model_dump(exclude_none=True).items():
        changes[key] = tuple(value) if isinstance(value, list) else value
    verb = ChangeOwnRole(role_id, changes, version_of(if_match))
    changed = await asking.do(verb)
    return _versioned(asking, changed)


class Deletion(Body):
    """What becomes of it where somebody holds the role."""

    withdraw: bool = False
    """Take it from everybody who holds it."""
    instead: Line = ""
    """A role that they get for it: a built-in one, or the name or id of another."""


@operations.staff(
    "DELETE",
    "/roles/{role_id}",
    Permission.ROLES_EDIT,
    status=204,
    refuses=("proof_too_old", "precondition_failed", "conflict"),
)
async def delete_role(
    asking: Staff, role_id: IdGiven, query: Annotated[Deletion, Query()], if_match: IfMatch = None
) -> Refusal | None:
    """Delete a role. While somebody holds it, say what becomes of that: `withdraw` or `instead`."""
    verb = DeleteOwnRole(role_id, version_of(if_match), query.withdraw, query.instead)
    gone = await asking.do(verb)
    return gone if isinstance(gone, Refusal) else None


def _versioned(asking: Staff, found: access.OwnRole | Refusal) -> DescribedRole | Refusal:
    if isinstance(found, Refusal):
        return found
    asking.versioned(found.version)
    return DescribedRole.of(found)
