"""Roles on a server elsewhere: own ones, who holds which, and which need a second factor."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final

from enlist.cli.remote.api import Api, Document, Ways, part, some
from enlist.cli.remote.reviving import revived
from enlist.core import access
from enlist.core.outcomes import Refusal
from enlist.core.permissions import permissions_named
from enlist.verbs import own_role_changes, own_roles, second_factor_rules, staff


def _own_role(document: Document) -> access.OwnRole:
    found = revived(access.OwnRole, {**document, "id": document["role"]})
    return replace(found, permissions=permissions_named(document["permissions"]))


def _list_roles(api: Api, view: own_roles.ListOwnRoles) -> Any:
    below = "true" if view.below else ""
    found = api.get("/roles", **some(organization=view.organization, below=below))
    if isinstance(found, Refusal):
        return found
    return tuple(_own_role(each) for each in found["items"] if not each["built_in"])


def _show_role(api: Api, view: own_roles.ShowOwnRole) -> Any:
    found = api.get(f"/roles/{part(view.role)}")
    return found if isinstance(found, Refusal) else _own_role(found)


def _add_role(api: Api, verb: own_roles.AddOwnRole) -> Any:
    named = some(organization=verb.organization, description=verb.description)
    body = {**named, "name": verb.name_of_role, "permissions": list(verb.permissions)}
    found = api.do("POST", "/roles", body)
    return found if isinstance(found, Refusal) else _own_role(found)


def _change_role(api: Api, verb: own_role_changes.ChangeOwnRole) -> Any:
    changes = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in verb.changes.items()
    }
    found = api.change(f"/roles/{part(verb.role)}", changes, verb.version)
    return found if isinstance(found, Refusal) else _own_role(found)


def _delete_role(api: Api, verb: own_role_changes.DeleteOwnRole) -> Any:
    said = some(withdraw="true" if verb.withdraw else "", instead=verb.instead)
    found = api.do("DELETE", f"/roles/{part(verb.role)}", **said)
    return found if isinstance(found, Refusal) else None


def _held(found: Any) -> Any:
    if isinstance(found, Refusal):
        return found
    return tuple(revived(access.RoleAssignment, each) for each in found["items"])


def _grant_role(api: Api, verb: staff.GrantRole) -> Any:
    body = {"role": verb.role, "organization": verb.organization}
    return _held(api.do("POST", f"/users/{part(verb.user)}/roles", body))


def _withdraw_role(api: Api, verb: staff.WithdrawRole) -> Any:
    where = f"{part(verb.organization)}/{part(verb.role)}"
    return _held(api.do("DELETE", f"/users/{part(verb.user)}/roles/{where}"))


def _insist(api: Api, verb: second_factor_rules.SetSecondFactorRules) -> Any:
    place = api.place(verb.organization)
    if isinstance(place, Refusal):
        return place
    path = f"/organizations/{part(place)}/second-factor-roles"
    found = api.do("PUT", path, {"roles": list(verb.roles)})
    if isinstance(found, Refusal):
        return found
    return SimpleNamespace(
        organization=SimpleNamespace(group_id=found["organization"]),
        own=frozenset(found["own"]),
        in_force={each["role"]: each["organization"] for each in found["in_force"]},
        names={each["role"]: each["name"] for each in found["in_force"]},
    )


ROLES: Final[Ways] = {
    own_roles.ListOwnRoles: _list_roles,
    own_roles.ShowOwnRole: _show_role,
    own_roles.AddOwnRole: _add_role,
    own_role_changes.ChangeOwnRole: _change_role,
    own_role_changes.DeleteOwnRole: _delete_role,
    staff.GrantRole: _grant_role,
    staff.WithdrawRole: _withdraw_role,
    second_factor_rules.SetSecondFactorRules: _insist,
}
