"""Accounts > Groups: sets of users, for restrictions and whatever else is said of many at once.

A group's page is the list of its members; who joins and who leaves is done there, one by one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from starlette.responses import Response

from enlist.core.model import UserGroup
from enlist.core.outcomes import Refusal, invalid
from enlist.verbs.groups import (
    LOCAL,
    AddGroup,
    AddMember,
    ChangeGroup,
    DeleteGroup,
    ListGroups,
    RemoveMember,
    ShowGroup,
)
from enlist.verbs.views import ListUsers
from enlist.web.console import people
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query

_EDIT: Final = "users:edit"


async def show_list(desk: Desk) -> Response:
    """The groups of the organization in force and below."""
    query = read_query(desk.request)
    found = await desk.view(ListGroups(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    return desk.show("console/groups.html", {"query": query, "page": found})


async def add(desk: Desk) -> Response:
    """Add a group, empty."""
    closed = people.closed(desk, _EDIT)
    if closed is not None:
        return closed
    form = Form({"organization": desk.group_id})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        place = form.value("organization") or desk.group_id
        outcome = await desk.perform(AddGroup(place, form.value("name"), form.value("description")))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("The group %(name)s was added. Say who is in it.")
            told = text % {"name": outcome.value.name}
            return desk.go(desk.address("groups", outcome.value.id), told)
        form = form.refused(outcome)
    line = await people.places(desk)
    if isinstance(line, Refusal):
        return desk.refuse(line)
    mine = [place for place in line if desk.may(_EDIT, place.organization.path)]
    context = {"form": form, "group": None, "organizations": people.choices(mine)}
    return desk.show("console/group_form.html", context, refusal=form.refusal)


async def show_one(desk: Desk) -> Response:
    """A group, and who is in it."""
    group = await _named(desk)
    return group if isinstance(group, Response) else await _show(desk, group, Form())


async def edit(desk: Desk) -> Response:
    """Give it another name or description."""
    group = await _named(desk, edit=True)
    if isinstance(group, Response):
        return group
    shown = {"name": group.name, "description": group.description, "version": str(group.version)}
    form = Form(shown)
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        changes = {name: form.value(name) for name in ("name", "description")}
        verb = ChangeGroup(group.id, changes, form.version)
        outcome = await desk.perform(verb)
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("groups", group.id), desk.gettext("Changes saved."))
        form = form.refused(outcome)
    return desk.show(
        "console/group_form.html", {"form": form, "group": group}, refusal=form.refusal
    )


async def delete(desk: Desk) -> Response:
    """Delete it, once it was said what that means."""
    group = await _named(desk, edit=True)
    if isinstance(group, Response):
        return group
    refusal = None
    if desk.request.method == "POST":
        outcome = await desk.perform(DeleteGroup(group.id))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("The group %(name)s was deleted.") % {"name": group.name}
            return desk.go(desk.address("groups"), text)
        refusal = outcome
    return desk.show("console/group_delete.html", {"group": group}, refusal=refusal)


async def add_member(desk: Desk) -> Response:
    """Put a user into the group."""
    group = await _named(desk, edit=True)
    if isinstance(group, Response):
        return group
    form = await read_form(desk.request)
    outcome = await desk.perform(AddMember(group.id, form.value("user")))
    if isinstance(outcome, Refusal):
        return await _show(desk, group, form.refused(_at_field(desk, outcome)))
    text = desk.gettext("%(user)s is a member now.") % {"user": form.value("user")}
    return desk.go(desk.address("groups", group.id), text)


async def remove_member(desk: Desk) -> Response:
    """Take a user out of the group."""
    group = await _named(desk, edit=True)
    if isinstance(group, Response):
        return group
    form = await read_form(desk.request)
    outcome = await desk.perform(RemoveMember(group.id, form.value("user")))
    if isinstance(outcome, Refusal):
        return await _show(desk, group, form.refused(outcome))
    return desk.go(desk.address("groups", group.id), desk.gettext("Taken out of the group."))


def _at_field(desk: Desk, refusal: Refusal) -> Refusal:
    """A mistyped user name is said at its field."""
    if refusal.code != "not_found":
        return refusal
    told = invalid("user", desk.gettext("No user has this name. Choose one from the list."))
    return replace(told, support_code=refusal.support_code)


async def _show(desk: Desk, group: UserGroup, form: Form) -> Response:
    query = read_query(desk.request)
    asked = query.asked
    asked["filters"] = {"group": group.id}
    members = await desk.view(ListUsers(group.group_id, **asked))
    if isinstance(members, Refusal):
        return desk.refuse(members)
    context = {
        "group": group,
        "form": form,
        "query": query,
        "page": members,
        "may_edit": group.source == LOCAL and desk.may(_EDIT, group.organization_path),
    }
    return desk.show("console/group.html", context, refusal=form.refusal)


async def _named(desk: Desk, *, edit: bool = False) -> UserGroup | Response:
    """The group that the address names, in the organization in force or below."""
    found = await desk.view(ShowGroup(str(desk.request.path_params["id"])))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    elsewhere = desk.elsewhere(found.organization_path, found.group_id)
    if elsewhere is not None:
        return elsewhere
    closed = people.closed(desk, _EDIT, found.organization_path) if edit else None
    return closed or found


ROUTES = [
    page("groups", show_list),
    page("groups/new", add, methods=("GET", "POST")),
    page("groups/{id}", show_one),
    page("groups/{id}/edit", edit, methods=("GET", "POST")),
    page("groups/{id}/delete", delete, methods=("GET", "POST")),
    page("groups/{id}/members", add_member, methods=("POST",)),
    page("groups/{id}/members/remove", remove_member, methods=("POST",)),
]
