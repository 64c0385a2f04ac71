"""Accounts > Users: the list, adding and editing. One user's own page is in `user.py`."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.model import User
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.channels import EMAIL, SMS, usual
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.first_device import AddUserWithDevice, FirstDevice
from enlist.verbs.passwords import SHORTEST
from enlist.verbs.users import EDITABLE, AddUser, ChangeUser
from enlist.verbs.views import ListUsers
from enlist.web.console import people, words
from enlist.web.console.bulk_acts import acts_of
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query
from enlist.web.console.sending import channel_choices, templates_at
from enlist.web.console.user import find_user
from enlist.web.console.words import PLATFORMS

_FIELD_OF: Final = {
    "device.name": "device_name",
    "device.platform": "platform",
    "device.message.type": "first_device",
}


async def show_list(desk: Desk) -> Response:
    """All users of the organization in force and below."""
    query = read_query(desk.request, ("state", "role"))
    found = await desk.view(ListUsers(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    roles = await people.roles_to_choose(desk, below=True) if desk.may("staff:read") else []
    context = {
        "query": query,
        "page": found,
        "states": words.USER_STATES,
        "bulk": acts_of(desk, "users"),
        "roles": [(key, label) for key, label, _ in roles],
    }
    return desk.show("console/users.html", context)


async def add_user(desk: Desk) -> Response:
    """Add a user, with a password or without, and perhaps a first device."""
    closed = people.closed(desk, "users:edit")
    if closed is not None:
        return closed
    by_mail = EMAIL in desk.services.tools.channels
    chosen = {"password_link": "yes"} if by_mail else {}
    message_type = _first_choice(desk, None)
    form = Form({"organization": desk.group_id, "message_type": message_type, **chosen})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        password = await people.typed_password(desk)
        verb = AddUser(
            form.value("organization") or desk.group_id,
            password=password,
            password_link=password is None and form.value("password_link") == "yes",
            **{name: form.value(name) for name in EDITABLE},
        )
        added = await (_with_device if form.value("first_device") else _alone)(desk, form, verb)
        if isinstance(added, Response):
            return added
        form = form.refused(added, _FIELD_OF)
    return await _show_form(desk, form, None)


async def _alone(desk: Desk, form: Form, verb: AddUser) -> Response | Refusal:
    outcome = await desk.perform(verb)
    if isinstance(outcome, Refusal):
        return outcome
    added = outcome.value
    text = desk.gettext("%(name)s was added.") % {"name": added.display_name}
    return desk.go(_next(desk, form, added), text)


def _next(desk: Desk, form: Form, user: User) -> str:
    """His page, or the registration of a device for him, after *Save and add device* (A12)."""
    if form.value("next") != "device":
        return desk.address("users", user.id)
    chosen = {"message_type": form.value("message_type"), "template": form.value("template")}
    return desk.address("devices/new", user=user.username, **chosen)


def _first_choice(desk: Desk, user: User | None) -> str:
    """Which message type is chosen already: SMS for basic users, e-mail for others (A14)."""
    channels = desk.services.tools.channels
    return usual(user, channels) if user else SMS if SMS in channels else EMAIL


async def _with_device(desk: Desk, form: Form, verb: AddUser) -> Response | Refusal:
    """Both in one transaction (X42); what follows is on the page of the device."""
    device = FirstDevice(DeviceDetails(form.value("device_name"), form.value("platform")))
    outcome = await desk.perform(AddUserWithDevice(verb, device))
    if isinstance(outcome, Refusal):
        return outcome
    both = outcome.value
    told = {"name": both.user.display_name, "to": both.user.email}
    text = desk.gettext("%(name)s was added. The message with the token is on its way to %(to)s.")
    return desk.go(desk.address("devices", both.issued.device_id), text % told)


async def edit_user(desk: Desk) -> Response:
    """Change a user's details."""
    found = await find_user(desk)
    if isinstance(found, Response):
        return found
    user = found.user
    closed = people.closed(desk, "users:edit", user.organization_path)
    if closed is not None:
        return closed
    shown = {name: getattr(user, name) for name in EDITABLE} | {"version": str(user.version)}
    form = Form(shown | {"message_type": _first_choice(desk, user)})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        changes = {name: form.value(name) for name in EDITABLE if name in form.values}
        verb = ChangeUser(user.id, changes, form.version)
        outcome = await desk.perform(verb)
        if not isinstance(outcome, Refusal):
            return desk.go(_next(desk, form, outcome.value), desk.gettext("Changes saved."))
        if outcome.code == "proof_too_old":
            return desk.refuse(outcome)
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
        "by_mail": EMAIL in desk.services.tools.channels,
        "may_register": desk.may(Permission.DEVICES_REGISTER),
        "may_stage": desk.may(Permission.USERS_STAGE, user.organization_path if user else ""),
        "platforms": PLATFORMS,
        "channels": channel_choices(desk),
        "templates": await templates_at(desk, desk.group_id, desk.organization.path),
        "words": words,
    }
    return desk.show("console/user_form.html", context, refusal=form.refusal)


ROUTES = [
    page("users", show_list),
    page("users/new", add_user, methods=("GET", "POST")),
    page("users/{id}/edit", edit_user, methods=("GET", "POST")),
]
