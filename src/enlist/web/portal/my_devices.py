"""Self-service: *My devices*, *Add a device*, and one device with what its owner can do (A18-A22).

Everything works without scripts. Nothing is registered or sent before *Save*; pressing it twice
registers one device, for the form carries a nonce. No page here has ever held a token: it goes to
the user's own address, whatever a form says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.caller import Caller
from enlist.core.lifecycle import DeviceState, shown_state
from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import random_secret
from enlist.delivery.rendering import Rendered, render_preview
from enlist.verbs.channels import enabled, usual
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import Verb
from enlist.verbs.idempotent import Idempotent, idempotency_key
from enlist.verbs.issuing import Delivery
from enlist.verbs.landing import LookAround
from enlist.verbs.mine import AddedAgain, AddMine, DeleteMine, RenewMine, ResendMine
from enlist.verbs.users import CONTACT
from enlist.verbs.views_mine import Mine, MyDevices, Own, ShowMyDevice, ShowMyMessage
from enlist.web.callers import person_of, services_of
from enlist.web.forms import read_form
from enlist.web.look import look_of
from enlist.web.pages import refusal_page, render
from enlist.web.portal.returning import see, to_sign_in
from enlist.web.portal.signing_in import signed_in
from enlist.web.problems import headers_of, status_of

HOME: Final = "/my-devices"

_DETAILS: Final = ("name", "platform", "ownership", "model", "serial", "imei", "asset_number")
"""What the form asks of a device; tags and the like are for staff."""

_DONE: Final = ("added", "resent", "renewed", "deleted")
_FIELD_OF: Final = {"message.type": "message_type"}
_AT_FIELD: Final = {
    "email_missing": "email",
    "phone_missing": "phone",
    "email_taken": "email",
    "contact_locked": "",
}
"""Refusals that belong to a field of the form, and which; "" for those that name it themselves."""


def standing(mine: Mine, now: int) -> str:
    """How a device stands, as its owner sees it: one word that the pages know."""
    if mine.device.state is not DeviceState.REGISTERED:
        return mine.device.state.value
    if mine.enrollment is None:
        return "ended"
    shown = shown_state(mine.enrollment.state, mine.enrollment.expires_at, now)
    return {"active": "waiting", "expired": "expired", "on_hold": "on_hold"}.get(shown, "ended")


def sends(mine: Mine, stands: str) -> str:
    """What its owner can have sent: its token `resend`, a new one `renew`, or nothing."""
    found = mine.enrollment
    if found is None or found.grant is not GrantKind.REGISTRATION_TOKEN:
        return ""
    return {"waiting": "resend", "expired": "renew"}.get(stands, "")


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What was wrong with a form, and what had been typed into it."""

    refusal: Refusal
    typed: Mapping[str, str]


async def show_list(request: Request) -> Response:
    """All devices of whoever is signed in."""
    caller = await signed_in(request)
    own = await _own(request, caller)
    if caller is None or own is None:
        return to_sign_in(request)
    now = services_of(request).tools.clock()
    context = {
        "devices": [(each, standing(each, now)) for each in own.devices],
        "done": _done(request),
    }
    return await _render(request, caller, own, "portal/my_devices.html", context)


async def show_add(request: Request) -> Response:
    """The empty form."""
    caller = await signed_in(request)
    own = await _own(request, caller)
    if caller is None or own is None:
        return to_sign_in(request)
    return await _add_page(request, caller, own)


async def add(request: Request) -> Response:
    """Save: register the device and send its token to its owner.

    Refusals: `malformed`, and those of AddMine.
    """
    read = await _read(request)
    if isinstance(read, Response):
        return read
    caller, own, form = read
    given = {name: form[name].strip() for name in _DETAILS if form.get(name, "").strip()}
    details = DeviceDetails(**{"name": "", "platform": "", **given})
    contact: dict[str, str] = {name: form[name].strip() for name in CONTACT if name in form}
    verb = AddMine(details, Delivery(form.get("message_type", "")), contact)
    key = idempotency_key(caller, form.get("nonce") or "-", repr(verb).encode())
    if isinstance(key, Refusal):
        return await _add_page(request, caller, own, _Trouble(key, form))
    outcome = await services_of(request).perform(Idempotent(verb, key, AddedAgain), caller)
    if isinstance(outcome, Refusal):
        return await _add_page(request, caller, own, _Trouble(outcome, form))
    return see(f"{HOME}/{outcome.value.device_id}?done=added")


async def show_device(request: Request) -> Response:
    """One device, and what can be done with it."""
    caller = await signed_in(request)
    own = await _own(request, caller)
    if caller is None or own is None:
        return to_sign_in(request)
    return await _device_page(request, caller, own)


async def show_message(request: Request) -> Response:
    """*View Enrollment Message*: dots where the token was (ruling 7)."""
    caller = await signed_in(request)
    own = await _own(request, caller)
    if caller is None or own is None:
        return to_sign_in(request)
    services = services_of(request)
    found = await services.view(ShowMyMessage(_id(request)), caller)
    if isinstance(found, Refusal):
        return await refusal_page(request, found, caller=caller)
    rendered = render_preview(found.letter, services.public_url)
    context = {
        "device": found.device,
        "message": found.message,
        "rendered": rendered if isinstance(rendered, Rendered) else None,
    }
    return await _render(request, caller, own, "portal/message.html", context)


async def resend(request: Request) -> Response:
    """Send the same token once more."""
    return await _act(request, ResendMine(_id(request)), "resent")


async def renew(request: Request) -> Response:
    """Send a new token in the place of one that ran out."""
    caller = await signed_in(request)
    own = await _own(request, caller)
    if caller is None or own is None:
        return to_sign_in(request, HOME)
    delivery = Delivery(usual(own.user, services_of(request).tools.channels))
    return await _act(request, RenewMine(_id(request), delivery), "renewed")


async def show_delete(request: Request) -> Response:
    """What deleting will do, before it is done."""
    caller = await signed_in(request)
    own = await _own(request, caller)
    if caller is None or own is None:
        return to_sign_in(request)
    return await _device_page(request, caller, own, template="portal/device_delete.html")


async def delete(request: Request) -> Response:
    """Delete a device, or cancel a registration."""
    return await _act(request, DeleteMine(_id(request)), "deleted", back=HOME)


async def _act(request: Request, verb: Verb[Any, Any, Any], done: str, back: str = "") -> Response:
    caller = await signed_in(request)
    own = await _own(request, caller)
    if caller is None or own is None:
        return to_sign_in(request, HOME)
    outcome = await services_of(request).perform(verb, caller)
    if isinstance(outcome, Refusal):
        return await _device_page(request, caller, own, outcome)
    return see(f"{back or f'{HOME}/{_id(request)}'}?done={done}")


def _id(request: Request) -> str:
    return str(request.path_params["device_id"])


def _done(request: Request) -> str:
    done = request.query_params.get("done", "")
    return done if done in _DONE else ""


async def _own(request: Request, caller: Caller | None) -> Own | None:
    if caller is None:
        return None
    own = await services_of(request).view(MyDevices(), caller)
    return None if isinstance(own, Refusal) else own


async def _read(request: Request) -> tuple[Caller, Own, dict[str, str]] | Response:
    form = await read_form(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form, caller=await person_of(request))
    caller = await signed_in(request)
    own = await _own(request, caller)
    if caller is None or own is None:
        return to_sign_in(request, HOME)
    return caller, own, form


async def _device_page(
    request: Request,
    caller: Caller,
    own: Own,
    refusal: Refusal | None = None,
    template: str = "portal/my_device.html",
) -> Response:
    services = services_of(request)
    found = await services.view(ShowMyDevice(_id(request)), caller)
    if isinstance(found, Refusal):
        return await refusal_page(request, found, caller=caller)
    mine = found.mine
    stands = standing(mine, services.tools.clock())
    context = {
        "mine": mine,
        "device": mine.device,
        "stands": stands,
        "sends": sends(mine, stands),
        "done": "" if refusal else _done(request),
        "refusal": refusal,
    }
    return await _render(request, caller, own, template, context, refusal)


async def _add_page(
    request: Request, caller: Caller, own: Own, trouble: _Trouble | None = None
) -> Response:
    user = own.user
    typed = dict.fromkeys((*_DETAILS, *CONTACT, "message_type"), "")
    channels = enabled(services_of(request).tools.channels)
    chosen = usual(user, channels) if channels else ""
    typed |= {"email": user.email, "phone": user.phone, "message_type": chosen}
    typed |= dict(trouble.typed) if trouble else {}
    refusal = trouble.refusal if trouble else None
    context = {
        "typed": typed,
        "nonce": random_secret().reveal(),
        "channels": channels,
        "refusal": refusal,
        "wrong": _wrong(refusal),
        "questions": own.questions,
    }
    return await _render(request, caller, own, "portal/device_new.html", context, refusal)


def _wrong(refusal: Refusal | None) -> set[str]:
    """The fields that something is wrong with."""
    if refusal is None:
        return set()
    named = {_FIELD_OF.get(each.field, each.field) for each in refusal.fields}
    return named | ({_AT_FIELD[refusal.code]} - {""} if refusal.code in _AT_FIELD else set())


async def _render(
    request: Request,
    caller: Caller,
    own: Own,
    template: str,
    context: Mapping[str, Any],
    refusal: Refusal | None = None,
) -> Response:
    user = own.user
    around = await services_of(request).view(LookAround(user.organization_id, user.id), caller)
    response = render(
        request,
        template,
        {"user": user, "locked": own.locked, "meanings": CATALOGUE, **context},
        caller=caller,
        status=status_of(refusal) if refusal else 200,
        zone="UTC" if isinstance(around, Refusal) else around.zone,
        look=await look_of(request, user.organization_id),
    )
    if refusal is not None:
        response.headers.update(headers_of(refusal))
    return response
