"""Roles that users hold: who holds which, giving and taking them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core.access import RoleAssignment
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store.roles import Holding
from enlist.verbs import documents
from enlist.verbs.second_factor_rules import (
    Rules,
    SetSecondFactorRules,
    ShowSecondFactorRules,
)
from enlist.verbs.staff import GrantRole, WithdrawRole
from enlist.verbs.views import ListRoles
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Users")

ROLE: Final[JsonDict] = {
    "role": "operator",
    "name": "operator",
    "organization": "berlin",
    "organization_id": EXAMPLE_ID,
}


class RoleHeld(Shown):
    """A role that a user holds on an organization and all below it."""

    role: str
    """The name of a built-in role, or the id of an organization's own."""
    name: str
    organization: str
    organization_id: str

    @classmethod
    def of(cls, found: RoleAssignment) -> RoleHeld:
        """A role of the store."""
        return cls(**documents.role_held(found))


class Roles(Shown):
    """The roles that a user holds."""

    items: list[RoleHeld]

    @classmethod
    def of(cls, found: tuple[RoleAssignment, ...]) -> Roles:
        """All of them."""
        return cls(items=[RoleHeld.of(each) for each in found])


class Assignment(RoleHeld):
    """A role, and who holds it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {**ROLE, "user_id": EXAMPLE_ID, "username": "ada", "granted_at": EXAMPLE_MOMENT}
            ]
        }
    )

    user_id: str
    username: str
    granted_at: Moment

    @classmethod
    def held(cls, found: Holding) -> Assignment:
        """A line of the store's list."""
        return cls(
            **documents.role_held(found.role),
            user_id=found.user_id,
            username=found.username,
            granted_at=found.granted_at,
        )


class AssignmentQuery(Paging):
    """Sorts: `user`, `role`, `organization`."""

    role: Line | None = None
    """A built-in role, or the id of an organization's own."""
    user: Line | None = None
    """Id or user name."""


@operations.staff("GET", "/role-assignments", Permission.STAFF_READ, answers=Page[Assignment])
async def list_role_assignments(
    asking: Staff, query: Annotated[AssignmentQuery, Query()]
) -> Page[Assignment] | Refusal:
    """List the roles that are held in an organization and below, and by whom."""
    found = await asking.see(ListRoles(**filters(query)))
    return shown(found, lambda page: Page.of(page, Assignment.held))


class RoleBody(Body):
    """A role on an organization and all below it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"role": "operator", "organization": "berlin"}]}
    )

    role: Annotated[Line, Field(min_length=1)]
    """A built-in role, or the name or id of an organization's own."""
    organization: Annotated[Line, Field(min_length=1)]
    """Id or Group ID."""


@operations.staff(
    "POST",
    "/users/{user}/roles",
    Permission.ROLES_EDIT,
    answers=Roles,
    refuses=("proof_too_old",),
)
async def grant_role(asking: Staff, user: str, body: RoleBody) -> Roles | Refusal:
    """Give a user a role; answers all roles that he holds then. Repeating it changes nothing."""
    held = await asking.do(GrantRole(user, body.organization, body.role))
    return shown(held, Roles.of)


class RulesBody(Body):
    """All roles that need a second factor."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"roles": ["administrator", "operator"]}]}
    )

    roles: Annotated[list[Line], Field(max_length=200)]
    """Built-in roles, and names or ids of the organization's own."""


class RuleInForce(Shown):
    """A role that needs a second factor."""

    role: str
    name: str
    organization: str
    """Group ID of the organization that says so."""


class SecondFactorRules(Shown):
    """Which roles need a second factor at an organization."""

    organization: str
    own: list[str]
    """Those that it asks for itself."""
    in_force: list[RuleInForce]
    """Those, what the organizations above it ask for, and each role that may do as much as one."""

    @classmethod
    def of(cls, found: Rules) -> SecondFactorRules:
        """The rules of the store."""
        in_force = [
            RuleInForce(role=role, name=found.names.get(role, role), organization=at)
            for role, at in found.in_force.items()
        ]
        place = found.organization.group_id
        return cls(organization=place, own=sorted(found.own), in_force=in_force)


@operations.staff(
    "GET",
    "/organizations/{organization}/second-factor-roles",
    Permission.STAFF_READ,
    answers=SecondFactorRules,
)
async def show_second_factor_roles(asking: Staff, organization: str) -> SecondFactorRules | Refusal:
    """Show which roles need a second factor at an organization."""
    found = await asking.see(ShowSecondFactorRules(organization))
    return shown(found, SecondFactorRules.of)


@operations.staff(
    "PUT",
    "/organizations/{organization}/second-factor-roles",
    Permission.ROLES_EDIT,
    answers=SecondFactorRules,
    refuses=("proof_too_old",),
)
async def set_second_factor_roles(
    asking: Staff, organization: str, body: RulesBody
) -> SecondFactorRules | Refusal:
    """Say which roles need a second factor there and below. Who lacks it sets it up at once."""
    changed = await asking.do(SetSecondFactorRules(organization, tuple(body.roles)))
    return shown(changed, SecondFactorRules.of)


@operations.staff(
    "DELETE",
    "/users/{user}/roles/{organization}/{role}",
    Permission.ROLES_EDIT,
    answers=Roles,
    refuses=("proof_too_old", "last_administrator"),
)
async def withdraw_role(asking: Staff, user: str, organization: str, role: str) -> Roles | Refusal:
    """Take a role from a user; answers the roles that are left."""
    left = await asking.do(WithdrawRole(user, organization, role))
    return shown(left, Roles.of)
