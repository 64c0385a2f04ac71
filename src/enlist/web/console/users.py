"""Accounts > Users: the list, adding and editing. One user's own page is in `user.py`."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.model import User
from enlist.core.outcomes import Refusal
from enlist.verbs.passwords import SHORTEST
from enlist.verbs.users import EDITABLE, AddUser, ChangeUser
from enlist.verbs.views import ListUsers
from enlist.web.console import people
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query
from enlist.web.console.navigation import N_
from enlist.web.console.user import find_user
from enlist.web.console.words import Word

STATES: Final = {
    "active": Word(N_("Active"), "good", meaning=N_("May sign in and enroll devices.")),
    "disabled": Word(N_("Disabled"), "bad", meaning=N_("May do nothing at all.")),
}


async def show_list(desk: Desk) -> Response:
    """All users of the organization in force and below."""
    query = read_query(desk.request, ("state", "role"))
    found = await desk.view(ListUsers(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {"query": query, "page": found, "states": STATES, "roles": people.ROLES}
    return desk.show("console/users.html", context)


async def add_user(desk: Desk) -> Response:
    """Add a user, with a password or without."""
    closed = people.closed(desk, "users:edit")
    if closed is not None:
        return closed
    form = Form({"organization": desk.group_id})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await desk.perform(
            AddUser(
                form.value("organization") or desk.group_id,
                password=await people.typed_password(desk),
                **{name: form.value(name) for name in EDITABLE},
            )
        )
        if not isinstance(outcome, Refusal):
            added = outcome.value
            text = desk.gettext("%(name)s was added.") % {"name": added.display_name}
            return desk.go(desk.address("users", added.id), text)
        form = form.refused(outcome)
    return await _show_form(desk, form, None)


async def edit_user(desk: Desk) -> Response:
    """Change a user's details."""
    found = await find_user(desk)
    if isinstance(found, Response):
        return found
    user = found.user
    closed = people.closed(desk, "users:edit", user.organization_path)
    if closed is not None:
        return closed
    form = Form({name: getattr(user, name) for name in EDITABLE} | {"version": str(user.version)})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        version = form.value("version")
        changes = {name: form.value(name) for name in EDITABLE if name in form.values}
        verb = ChangeUser(user.id, changes, int(version) if version.isdecimal() else None)
        outcome = await desk.perform(verb)
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("users", user.id), desk.gettext("Changes saved."))
        form = form.refused(outcome)
    return await _show_form(desk, form, user)


async def _show_form(desk: Desk, form: Form, user: User | None) -> Response:
    line = await people.places(desk)
    if isinstance(line, Refusal):
        return desk.refuse(line)
    context = {
        "form": form,
        "user": user,
        "organizations": people.choices(
            [place for place in line if desk.may("users:edit", place.organization.path)]
        ),
        "languages": list(desk.languages.items()),
        "zones": people.zones(),
        "shortest": SHORTEST,
    }
    return desk.show("console/user_form.html", context, refusal=form.refusal)


ROUTES = [
    page("users", show_list),
    page("users/new", add_user, methods=("GET", "POST")),
    page("users/{id}/edit", edit_user, methods=("GET", "POST")),
]
