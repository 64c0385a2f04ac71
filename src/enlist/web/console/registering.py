"""Registering a device: a form, a review of what will be made and sent, then Save (A78).

Nothing is written before Save: the review only looks. Save carries a nonce of the review, so
that pressing it twice registers one device.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from starlette.responses import Response

from enlist.core.model import GrantKind, Ownership
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.secrets import random_secret
from enlist.delivery.rendering import Rendered, measure, render_preview
from enlist.verbs.channels import EMAIL, enabled, usual
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.idempotent import Idempotent, idempotency_key
from enlist.verbs.register import IssuedAgain, Register
from enlist.verbs.reviewing import ReviewRegistration
from enlist.verbs.verdicts import Rejected
from enlist.verbs.views import ListUsers
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization, ShowUser
from enlist.web.console import words
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.people import organization_choices
from enlist.web.console.sending import (
    YES,
    channel_choices,
    grant_choices,
    lifetime,
    read_delivery,
    read_expiry,
    read_grant,
    templates_at,
)

_DETAILS: Final = tuple(each.name for each in fields(DeviceDetails))
CARRIED: Final = (
    *_DETAILS,
    "user",
    "organization",
    "grant",
    "send",
    "message_type",
    "template",
    "expires_at",
)
"""Every field of the form; the review carries them on to Save."""

_FIELD_OF: Final = {
    "user.email": "user",
    "user.phone": "user",
    "message.template": "template",
    "message.type": "message_type",
}


async def register(desk: Desk) -> Response:
    """The form, its review, and Save; `step` says which button was pressed."""
    if desk.request.method == "GET":
        closed = desk.closed(Permission.DEVICES_REGISTER)
        return closed or await _show_form(desk, await _fresh(desk))
    form = await read_form(desk.request)
    step = form.value("step")
    if step == "edit":
        return await _show_form(desk, form)
    form, until = read_expiry(desk, form)
    if form.errors:
        return await _show_form(desk, form)
    verb = Register(
        form.value("organization"),
        form.value("user"),
        _details(form),
        read_delivery(desk, form),
        until,
        read_grant(form) or GrantKind.REGISTRATION_TOKEN,
    )
    return await (_save if step == "save" else _review)(desk, form, verb)


def _details(form: Form) -> DeviceDetails:
    given = {name: form.value(name) for name in _DETAILS if form.value(name)}
    return DeviceDetails(**{"name": "", "platform": "", **given})


async def _fresh(desk: Desk) -> Form:
    """An empty form; `?user=` chooses the user already, as *Save and Add Device* does.

    So do `?message_type=` and `?template=` what was chosen there; else the type is the usual one.
    """
    asked = desk.request.query_params
    named, channels = asked.get("user", ""), desk.services.tools.channels
    grant = GrantKind.REGISTRATION_TOKEN.value
    values = {"ownership": Ownership.NONE.value, "grant": grant, "send": YES}
    values |= {"message_type": EMAIL, "template": asked.get("template", "")[:100]}
    if named:
        found = await desk.view(ShowUser(named))
        if not isinstance(found, Refusal):
            values |= {"user": found.user.username, "message_type": usual(found.user, channels)}
    if asked.get("message_type") in enabled(channels):
        values["message_type"] = asked["message_type"]
    return Form(values)


async def _show_form(desk: Desk, form: Form) -> Response:
    place = await desk.view(ShowOrganization(desk.group_id))
    policy = place.policy if isinstance(place, OrganizationDetail) else None
    context = {
        "form": form,
        "words": words,
        "organizations": await organization_choices(desk),
        "grants": grant_choices(),
        "channels": channel_choices(desk),
        "templates": await templates_at(desk, desk.group_id, desk.organization.path),
        **lifetime(desk, policy),
    }
    return desk.show("console/device_new.html", context, refusal=form.refusal)


async def _review(desk: Desk, form: Form, verb: Register) -> Response:
    reviewed = await desk.view(ReviewRegistration(verb, desk.services.tools))
    if isinstance(reviewed, Refusal):
        return await _refused(desk, form, reviewed)
    letter, public_url = reviewed.letter, desk.services.public_url
    rendered = render_preview(letter, public_url) if letter else None
    context: dict[str, Any] = {
        "preview": rendered if isinstance(rendered, Rendered) else None,
        "unwritable": rendered.reason if isinstance(rendered, Rejected) else "",
        "recipient": letter.recipient if letter else "",
        "size": measure(letter, public_url, reviewed.token_length) if letter else None,
        "form": form,
        "carried": [name for name in CARRIED if form.value(name)],
        "details": verb.details.stored(),
        "grant": verb.grant,
        "sent": verb.message,
        "reviewed": reviewed,
        "nonce": random_secret().reveal(),
        "words": words,
    }
    return desk.show("console/device_review.html", context)


async def _save(desk: Desk, form: Form, verb: Register) -> Response:
    key = idempotency_key(desk.caller, form.value("nonce") or "-", repr(verb).encode())
    if isinstance(key, Refusal):
        return await _refused(desk, form, key)
    outcome = await desk.perform(
        Idempotent(verb, key, lambda made: IssuedAgain(made, revealed=False))
    )
    if isinstance(outcome, Refusal):
        return await _refused(desk, form, outcome)
    text = desk.gettext("Registered. The message with the token is on its way to %(user)s.")
    if verb.message.deferred:
        text = desk.gettext("Registered. Below is how its token gets to its user.")
    address = desk.address("devices", outcome.value.device_id)
    return desk.go(address, text % {"user": form.value("user")})


async def _refused(desk: Desk, form: Form, refusal: Refusal) -> Response:
    if refusal.code in ("unauthenticated", "proof_too_old"):
        return desk.refuse(refusal)
    return await _show_form(desk, form.refused(refusal, _FIELD_OF))


async def choose_user(desk: Desk) -> Response:
    """The users that a picker offers for what was typed so far."""
    text = desk.request.query_params.get("user", "")[:100]
    found = await desk.view(ListUsers(desk.group_id, search=text, sort="username", limit=8))
    items = () if isinstance(found, Refusal) else found.items
    return desk.show("console/choose_user.html", {"users": items, "text": text})


async def choose_template(desk: Desk) -> Response:
    """The templates that there are by now, for a form that has been open for a while (A15)."""
    form = Form({"template": desk.request.query_params.get("template", "")[:100]})
    templates = await templates_at(desk, desk.group_id, desk.organization.path)
    return desk.show("console/choose_template.html", {"form": form, "templates": templates})


ROUTES = [
    page("devices/new", register, methods=("GET", "POST")),
    page("choices/users", choose_user),
    page("choices/templates", choose_template),
]
