"""Accounts > Roles: putting a role together from permissions, changing it, deleting it.

A form shows every permission; those that the person at the desk does not hold are there, but
cannot be ticked: nobody gives what he has not. As roles are dangerous, a fresh confirmation by
password is asked before each form, and if it runs out meanwhile, the form comes back as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from enlist.core.access import OwnRole
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import NEVER_IN_A_ROLE, ROLES, Permission, Role
from enlist.verbs.own_role_changes import ChangeOwnRole, DeleteOwnRole
from enlist.verbs.own_roles import AddOwnRole, ListOwnRoles, ShowOwnRole
from enlist.verbs.rights import fresh
from enlist.verbs.second_factor_rules import ShowSecondFactorRules
from enlist.verbs.views import ListRoles
from enlist.web.console import people
from enlist.web.console.forms import Form, read_choices, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query
from enlist.web.console.permissions import GROUPS, Group

_EDIT: Final = "roles:edit"
_TYPED: Final = ("organization", "name", "description", "version")


async def show_one(desk: Desk) -> Response:
    """A role: what it may do, and who holds it here and below."""
    role = await _named(desk)
    if isinstance(role, Response):
        return role
    query = read_query(desk.request)
    asked = query.asked
    asked["filters"] = {"role": role.id}
    holders = await desk.view(ListRoles(desk.group_id, **asked))
    rules = await desk.view(ShowSecondFactorRules(role.organization_id))
    if isinstance(holders, Refusal):
        return desk.refuse(holders)
    context = {
        "role": role,
        "query": query,
        "page": holders,
        "groups": _granted(role.permissions),
        "needed": None if isinstance(rules, Refusal) else rules.in_force.get(role.id),
        "may_edit": desk.may(_EDIT, role.organization_path),
    }
    return desk.show("console/role.html", context)


async def add(desk: Desk) -> Response:
    """Put a role together."""
    closed = _shut(desk)
    if closed is not None:
        return closed
    if desk.request.method == "GET":
        return await _show_form(desk, _asked(desk), await _begun(desk), None)
    form, chosen = await read_form(desk.request), await read_choices(desk.request, "permissions")
    place = form.value("organization") or desk.group_id
    verb = AddOwnRole(place, form.value("name"), tuple(chosen), form.value("description"))
    outcome = await desk.perform(verb)
    if not isinstance(outcome, Refusal):
        text = desk.gettext("The role %(name)s can be given now.") % {"name": outcome.value.name}
        return desk.go(desk.address("roles", outcome.value.id), text)
    if outcome.code == "proof_too_old":
        return _to_confirm(desk, form, chosen)
    return await _show_form(desk, form.refused(outcome), chosen, None)


async def edit(desk: Desk) -> Response:
    """Change a role, for everybody who holds it."""
    role = await _named(desk, edit=True)
    if isinstance(role, Response):
        return role
    if desk.request.method == "GET":
        shown = {"name": role.name, "description": role.description, "version": str(role.version)}
        back = _asked(desk)
        if back.value("name"):
            return await _show_form(desk, back, await _begun(desk), role)
        return await _show_form(desk, Form(shown), sorted(role.permissions), role)
    form, chosen = await read_form(desk.request), await read_choices(desk.request, "permissions")
    changes: dict[str, str | tuple[str, ...]] = {
        "name": form.value("name"),
        "description": form.value("description"),
        "permissions": tuple(chosen),
    }
    verb = ChangeOwnRole(role.id, changes, form.version)
    outcome = await desk.perform(verb)
    if not isinstance(outcome, Refusal):
        return desk.go(desk.address("roles", role.id), desk.gettext("Changes saved."))
    if outcome.code == "proof_too_old":
        return _to_confirm(desk, form, chosen)
    return await _show_form(desk, form.refused(outcome), chosen, role)


async def delete(desk: Desk) -> Response:
    """Delete a role, once it was said what becomes of whoever holds it."""
    role = await _named(desk, edit=True)
    if isinstance(role, Response):
        return role
    form = Form({"version": str(role.version)})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        held = form.value("held")
        verb = DeleteOwnRole(
            role.id,
            form.version,
            withdraw=held == "withdraw",
            instead=form.value("instead") if held == "instead" else "",
        )
        if held == "instead" and not verb.instead:
            outcome: Done[int] | Refusal = invalid("instead", desk.gettext("Choose one"))
        else:
            outcome = await desk.perform(verb)
        if not isinstance(outcome, Refusal):
            text = desk.gettext("The role %(name)s was deleted.") % {"name": role.name}
            return desk.go(desk.address("roles"), text)
        if outcome.code == "proof_too_old":
            return desk.confirm(desk.request.url.path)
        form = form.refused(outcome)
    known = await desk.view(ListOwnRoles(role.organization_id))
    usable = () if isinstance(known, Refusal) else known
    choices = people.role_choices(desk, [each for each in usable if each.id != role.id])
    others = [(key, label) for key, label, _ in choices]
    context = {"role": role, "form": form, "others": others}
    return desk.show("console/role_delete.html", context, refusal=form.refusal)


def _shut(desk: Desk, path: str = "") -> Response | None:
    """What to answer instead of a form that could not be sent, or not without a confirmation."""
    if desk.request.method == "POST":
        return None
    stale = fresh(desk.caller, desk.now)
    return people.closed(desk, _EDIT, path) or (desk.refuse(stale) if stale else None)


async def _named(desk: Desk, *, edit: bool = False) -> OwnRole | Response:
    """The role that the address names: of this organization, one above it or one below."""
    found = await desk.view(ShowOwnRole(str(desk.request.path_params["id"])))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    if not desk.organization.path.startswith(found.organization_path):
        elsewhere = desk.elsewhere(found.organization_path, found.group_id)
        if elsewhere is not None:
            return elsewhere
    closed = _shut(desk, found.organization_path) if edit else None
    return closed or found


def _asked(desk: Desk) -> Form:
    """The form as it comes back from a confirmation, else a new one."""
    query = desk.request.query_params
    typed = {name: query[name] for name in _TYPED if name in query}
    return Form({"organization": desk.group_id, **typed})


async def _begun(desk: Desk) -> list[str]:
    """What is ticked at first: what comes back, else what another role has."""
    query = desk.request.query_params
    like = query.get("like", "")
    if like in set(Role):
        return sorted(ROLES[Role(like)])
    if like:
        found = await desk.view(ShowOwnRole(like))
        return [] if isinstance(found, Refusal) else sorted(found.permissions)
    return list(dict.fromkeys(query.getlist("permissions")))


def _to_confirm(desk: Desk, form: Form, chosen: list[str]) -> Response:
    """To the confirmation by password, and back to the form as it was filled in."""
    typed = [(name, form.value(name)) for name in _TYPED if form.value(name)]
    typed += [("permissions", each) for each in chosen]
    return desk.confirm(desk.request.url.path, typed)


async def _show_form(
    desk: Desk, form: Form, chosen: Sequence[str], role: OwnRole | None
) -> Response:
    line = await people.places(desk)
    if isinstance(line, Refusal):
        return desk.refuse(line)
    path = role.organization_path if role else desk.organization.path
    mine = {each.value for each in Permission if desk.may(each, path)}
    context = {
        "form": form,
        "role": role,
        "chosen": chosen,
        "mine": mine - NEVER_IN_A_ROLE,
        "groups": _granted(frozenset(Permission) - NEVER_IN_A_ROLE),
        "begin": await people.roles_to_choose(desk),
        "organizations": people.choices(
            [each for each in line if desk.may(_EDIT, each.organization.path)]
        ),
    }
    return desk.show("console/role_form.html", context, refusal=form.refusal)


def _granted(granted: frozenset[Permission]) -> list[Group]:
    """These permissions in words, by what they are about; groups without any are left out."""
    groups = [
        Group(
            group.label,
            {name: word for name, word in group.permissions.items() if name in granted},
        )
        for group in GROUPS
    ]
    return [group for group in groups if group.permissions]


ROUTES = [
    page("roles/new", add, methods=("GET", "POST")),
    page("roles/{id}", show_one),
    page("roles/{id}/edit", edit, methods=("GET", "POST")),
    page("roles/{id}/delete", delete, methods=("GET", "POST")),
]
