"""Accounts > Roles: what each role may do, who holds which where, giving and taking them away.

Roles are dangerous, so a fresh confirmation by password is asked before the form is filled in.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.access import OwnRole, RoleAssignment
from enlist.core.model import User
from enlist.core.outcomes import Refusal
from enlist.core.permissions import ROLES
from enlist.store.listing import Page
from enlist.store.roles import Holding
from enlist.verbs.own_roles import ListOwnRoles
from enlist.verbs.rights import fresh
from enlist.verbs.second_factor_rules import (
    Rules,
    SetSecondFactorRules,
    ShowSecondFactorRules,
)
from enlist.verbs.staff import GrantRole, WithdrawRole
from enlist.verbs.views import ListRoles
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization, ShowUser, UserDetail
from enlist.web.console import people
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query
from enlist.web.console.permissions import GROUPS

_FIELDS: Final = ("user", "organization", "role")


async def show_roles(desk: Desk) -> Response:
    """The roles' table, and who holds what in the organization in force and below."""
    query = read_query(desk.request, ("role",))
    found: Page[Holding] | Refusal = Page(())
    rules: Rules | Refusal | None = None
    own: tuple[OwnRole, ...] | Refusal = ()
    if desk.may("staff:read"):
        found = await desk.view(ListRoles(desk.group_id, **query.asked))
        rules = await desk.view(ShowSecondFactorRules(desk.group_id))
        own = await desk.view(ListOwnRoles(desk.group_id, below=True))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    known = () if isinstance(own, Refusal) else own
    context = {
        "query": query,
        "page": found,
        "own": known,
        "choices": [(key, label) for key, label, _ in people.role_choices(desk, known)],
        "needed": rules.in_force if isinstance(rules, Rules) else {},
        "roles": people.ROLES,
        "groups": GROUPS,
        "rights": {role.value: held for role, held in ROLES.items()},
    }
    return desk.show("console/roles.html", context)


async def second_factor(desk: Desk) -> Response:
    """Which roles need a second factor in the organization in force and below."""
    if desk.request.method == "GET":
        closed = people.closed(desk, "roles:edit")
        stale = fresh(desk.caller, desk.now)
        if closed or stale:
            return closed or desk.refuse(stale or Refusal("proof_too_old"))
    refusal = None
    if desk.request.method == "POST":
        form = await desk.request.form()
        chosen = tuple(str(each) for each in form.getlist("needed"))
        outcome = await desk.perform(SetSecondFactorRules(desk.group_id, chosen))
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("roles"), desk.gettext("Changes saved."))
        if outcome.code == "proof_too_old":
            return _to_confirm(desk, "roles/second-factor", Form())
        refusal = outcome
    rules = await desk.view(ShowSecondFactorRules(desk.group_id))
    if isinstance(rules, Refusal):
        return desk.refuse(rules)
    choices = await people.roles_to_choose(desk)
    context = {"roles": choices, "rules": rules, "back": desk.address("roles")}
    return desk.show("console/role_second_factor.html", context, refusal=refusal)


async def grant_role(desk: Desk) -> Response:
    """Give somebody a role on an organization."""
    if desk.request.method == "GET":
        closed = people.closed(desk, "roles:edit")
        stale = fresh(desk.caller, desk.now)
        if closed or stale:
            return closed or desk.refuse(stale or Refusal("proof_too_old"))
        return await _show_form(desk, Form(_asked(desk)))
    form = await read_form(desk.request)
    named = await desk.view(ShowUser(form.value("user")))
    if isinstance(named, Refusal) or not form.value("user"):
        error = desk.gettext("There is no such user that you may see.")
        form = Form(form.values, {"user": error}, Refusal("validation_failed"))
        return await _show_form(desk, form)
    place = form.value("organization") or desk.group_id
    outcome = await desk.perform(GrantRole(named.user.id, place, form.value("role")))
    if not isinstance(outcome, Refusal):
        choices = await people.roles_to_choose(desk, below=True)
        role = next((label for key, label, _ in choices if key == form.value("role")), "—")
        text = desk.gettext("%(name)s holds the role %(role)s on %(place)s now.") % {
            "name": named.user.display_name,
            "role": role,
            "place": place,
        }
        return desk.go(desk.address("users", named.user.id), text)
    if outcome.code == "proof_too_old":
        return _to_confirm(desk, "roles/grant", form)
    return await _show_form(desk, form.refused(outcome))


async def withdraw_role(desk: Desk) -> Response:
    """Take a role away; the address, and then the form, say whose, where and which."""
    asked = Form(_asked(desk))
    if desk.request.method == "POST":
        asked = await read_form(desk.request)
    if desk.request.method == "GET":
        closed = people.closed(desk, "roles:edit")
        stale = fresh(desk.caller, desk.now)
        if closed or stale:
            return closed or desk.refuse(stale or Refusal("proof_too_old"))
    subject = await _subject(desk, asked)
    if isinstance(subject, Refusal):
        return desk.refuse(subject)
    user, place, held = subject
    refusal = None
    if desk.request.method == "POST":
        outcome = await desk.perform(
            WithdrawRole(user.id, place.organization.id, asked.value("role"))
        )
        if not isinstance(outcome, Refusal):
            text = desk.gettext("%(name)s does not hold that role any more.")
            told = text % {"name": user.display_name}
            return desk.go(desk.address("users", user.id), told)
        if outcome.code == "proof_too_old":
            return _to_confirm(desk, "roles/withdraw", asked)
        refusal = outcome
    if held is None:
        return desk.refuse(refusal or Refusal("not_found"))
    context = {
        "user": user,
        "place": place.organization,
        "role": _label(desk, held),
        "himself": user.id == desk.caller.id,
        "form": asked,
    }
    return desk.show("console/role_withdraw.html", context, refusal=refusal)


def _label(desk: Desk, held: RoleAssignment) -> str:
    """A role as people call it."""
    if held.role in people.ROLES:
        return desk.gettext(people.ROLES[held.role].label)
    return held.name


async def _subject(
    desk: Desk, asked: Form
) -> tuple[User, OrganizationDetail, RoleAssignment | None] | Refusal:
    """Whose role, where, and which; None where he does not hold it."""
    found: UserDetail | Refusal = await desk.view(ShowUser(asked.value("user")))
    if isinstance(found, Refusal):
        return found
    place = await desk.view(ShowOrganization(asked.value("organization") or desk.group_id))
    if isinstance(place, Refusal):
        return place
    key = (asked.value("role"), place.organization.id)
    held = [each for each in found.roles if (each.role, each.organization_id) == key]
    return found.user, place, held[0] if held else None


def _asked(desk: Desk) -> dict[str, str]:
    query = desk.request.query_params
    return {name: query.get(name, "") for name in _FIELDS}


def _to_confirm(desk: Desk, address: str, form: Form) -> Response:
    """To the confirmation by password, and back to the form as it was filled in."""
    return desk.confirm(desk.address(address, **{name: form.value(name) for name in _FIELDS}))


async def _show_form(desk: Desk, form: Form) -> Response:
    line = await people.places(desk)
    if isinstance(line, Refusal):
        return desk.refuse(line)
    if not form.value("organization"):
        values = {**form.values, "organization": desk.group_id}
        form = Form(values, form.errors, form.refusal)
    mine = [place for place in line if desk.may("roles:edit", place.organization.path)]
    context = {
        "form": form,
        "organizations": people.choices(mine),
        "roles": await people.roles_to_choose(desk, below=True),
        "back": desk.address("roles"),
    }
    return desk.show("console/role_grant.html", context, refusal=form.refusal)


ROUTES = [
    page("roles", show_roles),
    page("roles/second-factor", second_factor, methods=("GET", "POST")),
    page("roles/grant", grant_role, methods=("GET", "POST")),
    page("roles/withdraw", withdraw_role, methods=("GET", "POST")),
]
