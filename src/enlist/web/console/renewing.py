"""A new token: for a device that is reset, one that has none, and an enrollment that nobody used.

Each asks until when it shall work, and shows first what ends with it. The button confirms what was
shown and nothing else: where the situation has changed since, the page shows it anew and asks
again (D10, X45). Nothing is sent unless somebody ticks that; how the token can get to its user
stands on the device's page afterwards. `handing_on.py` has two more of these pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from enlist.core.ids import Id
from enlist.core.lifecycle import shown_state
from enlist.core.model import Device, Enrollment, GrantKind, User
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.core.secrets import random_secret
from enlist.verbs.channels import usual
from enlist.verbs.driver import Verb
from enlist.verbs.idempotent import Idempotent, idempotency_key
from enlist.verbs.issuing import LATER, Delivery
from enlist.verbs.register import Issue
from enlist.verbs.rehearsing import DryRun, Foreseeing
from enlist.verbs.reissue import Reissue
from enlist.verbs.reset import Reset, ResetReason
from enlist.verbs.views_details import DeviceDetail, ShowDevice, ShowEnrollment
from enlist.web.console import words
from enlist.web.console.enrollment_actions import back_to
from enlist.web.console.forms import UNSHOWABLE, Form, read_form, to_picker
from enlist.web.console.layout import Desk, page
from enlist.web.console.offering import NEEDS
from enlist.web.console.sending import (
    FIELDS,
    GRANTS,
    YES,
    addressee,
    grant_choices,
    read_delivery,
    read_expiry,
    read_grant,
    send_at_first,
    token_choices,
    unsendable,
    ways,
)


@dataclass(frozen=True)
class Renewal:
    """One of these pages.

    Attributes:
        item: the device or the enrollment, whose `user` is None where he may not be named here.
        make: the verb for what the form says: how the token is delivered, and until when it works.
        first: what the form says before anybody has typed.
        done: the notice afterwards.
        again: answers a button that was pressed twice, where that would make two of something.
        lands: the page afterwards, by what was made; else it is `back`.
    """

    template: str
    item: Device | Enrollment
    user: User | None
    back: str
    make: Callable[[Form, Delivery, int | None], Verb[Any, Any, Any]]
    first: Mapping[str, str]
    done: str
    shown: Mapping[str, Any]
    again: Callable[[Id], Verb[Any, Any, Any]] | None = None
    lands: Callable[[Any], str] | None = None


async def reset(desk: Desk) -> Response:
    """End what a device holds, at once, and make a new enrollment for it (seed 003)."""
    detail = await device_for(desk, "reset")
    if isinstance(detail, Response):
        return detail
    device = detail.device
    done = desk.gettext("%(device)s was reset: what it held has ended.") % {"device": device.name}
    return await renew(
        desk,
        Renewal(
            template="console/device_reset.html",
            item=device,
            user=detail.user,
            back=desk.address("devices", device.id),
            make=lambda form, delivery, until: _reset(device, form, delivery, until),
            first={"grant": last_grant(detail)},
            done=done,
            shown={
                **choices_of(device),
                "measured": {"device": device.id},
                "reasons": words.RESET_REASONS,
                "ends_sign_ins": detail.user is not None
                and desk.may(Permission.USERS_EDIT, detail.user.organization_path),
            },
        ),
    )


async def device_for(desk: Desk, act: str) -> DeviceDetail | Response:
    """The device of the address, for somebody who may do this with it; else what he is shown."""
    detail = await desk.view(ShowDevice(str(desk.request.path_params["id"])))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    path = detail.device.organization_path
    moved = desk.elsewhere(path, detail.device.group_id)
    return moved or desk.closed(NEEDS[act], path) or detail


def last_grant(detail: DeviceDetail) -> GrantKind:
    """By what the device enrolled the last time, as far as it can be given again."""
    last = detail.enrollments[0].grant if detail.enrollments else None
    return last if last in GRANTS else GrantKind.REGISTRATION_TOKEN


def choices_of(device: Device) -> dict[str, Any]:
    """What the form shows where the grant can be chosen anew."""
    return {"device": device, "grants": grant_choices(), "by_jwt": False}


def _reset(device: Device, form: Form, delivery: Delivery, until: int | None) -> Reset:
    reason = form.value("reason")
    compromised = reason == ResetReason.COMPROMISED
    return Reset(
        device.id,
        reason,
        delivery,
        until,
        read_grant(form),
        # The box is out of sight, and may still be ticked, once another reason is chosen.
        compromised and form.value("end_sign_ins") == YES,
        form.value("preview"),
    )


async def issue(desk: Desk) -> Response:
    """Make a new enrollment for a registered device that has none live."""
    detail = await device_for(desk, "issue")
    if isinstance(detail, Response):
        return detail
    device = detail.device
    back = desk.address("devices", device.id)
    if detail.deleted_at is not None:
        return desk.back(back, desk.gettext("Its enrollment was deleted. That is final here."))

    grant = last_grant(detail)

    def make(form: Form, delivery: Delivery, until: int | None) -> Issue:
        return Issue(device.id, delivery, until, read_grant(form) or grant)

    return await renew(
        desk,
        Renewal(
            template="console/device_issue.html",
            item=device,
            user=detail.user,
            back=back,
            make=make,
            first={"grant": grant, **send_at_first(grant)},
            done=desk.gettext("Issued. Tokens before it stay dead."),
            shown={**choices_of(device), "measured": {"device": device.id}},
        ),
    )


async def reissue(desk: Desk) -> Response:
    """Make the next token of an enrollment; the present one stops working."""
    detail = await desk.view(ShowEnrollment(str(desk.request.path_params["id"])))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    found, path = detail.enrollment, detail.enrollment.organization_path
    instead = desk.elsewhere(path, found.group_id) or desk.closed(NEEDS["reissue"], path)
    if instead is not None:
        return instead

    def make(form: Form, delivery: Delivery, until: int | None) -> Reissue:
        return Reissue(found.id, delivery, until, preview=form.value("preview"))

    return await renew(
        desk,
        Renewal(
            template="console/enrollment_reissue.html",
            item=found,
            user=detail.user,
            back=back_to(desk, detail),
            make=make,
            first=send_at_first(found.grant),
            done=desk.gettext("Reissued. The token before it is dead."),
            shown={
                "detail": detail,
                "enrollment": found,
                "measured": {"enrollment": found.id},
                "by_jwt": found.grant is GrantKind.ONE_TIME_JWT,
                "state": shown_state(found.state, found.expires_at, desk.now),
            },
        ),
    )


async def renew(desk: Desk, asked: Renewal) -> Response:
    """Show what ends and ask, or do it."""
    known = await token_choices(desk, asked.item.organization_path)
    by = usual(asked.user, desk.services.tools.channels) if asked.user else ""
    first = {"expires_at": to_picker(known["until"], desk.zone), "message_type": by, **asked.first}
    # What was chosen already comes along when only the consequences are asked for anew.
    form = Form({**first, **desk.request.query_params})
    if desk.request.method == "POST":
        form, until = _until(desk, await read_form(desk.request))
        if not form.errors:
            delivery = read_delivery(desk, form)
            outcome = await _once(desk, asked, form, asked.make(form, delivery, until))
            if not isinstance(outcome, Refusal):
                address = asked.lands(outcome.value) if asked.lands else asked.back
                return desk.go(address, _told(desk, asked, delivery))
            if outcome.code in UNSHOWABLE:
                return desk.refuse(outcome)
            form = form.refused(outcome, FIELDS)
    # Neither a wrong date nor a user without an address keeps anybody from seeing what would end.
    asks = Form({name: form.value(name) for name in ("reason", "end_sign_ins", "grant")})
    verb = asked.make(asks, LATER, None)
    ending = await desk.perform(DryRun(verb)) if isinstance(verb, Foreseeing) else None
    if isinstance(ending, Refusal):
        return desk.refuse(ending)
    context = {
        **asked.shown,
        **known,
        "user": asked.user,
        "back": asked.back,
        "form": form,
        "foreseen": ending.value if ending else None,
        "item": asked.item,
        "unsendable": unsendable(desk, asked.item, asked.user),
        "ways": ways(desk, asked.item, asked.user),
        "to": addressee(desk, asked.user),
        "nonce": random_secret().reveal() if asked.again else "",
        "words": words,
    }
    return desk.show(asked.template, context, refusal=form.refusal)


async def _once(
    desk: Desk, asked: Renewal, form: Form, verb: Verb[Any, Any, Any]
) -> Done[Any] | Refusal:
    if asked.again is None:
        return await desk.perform(verb)
    key = idempotency_key(desk.caller, form.value("nonce") or "-", repr(verb).encode())
    return (
        key if isinstance(key, Refusal) else await desk.perform(Idempotent(verb, key, asked.again))
    )


def _until(desk: Desk, form: Form) -> tuple[Form, int | None]:
    """Until when, which has to be said (D02)."""
    form, until = read_expiry(desk, form)
    if until is None and not form.errors:
        form = form.refused(invalid("expires_at", desk.gettext("must be given")))
    return form, until


def _told(desk: Desk, asked: Renewal, delivery: Delivery) -> str:
    if delivery is LATER:
        return asked.done + " " + desk.gettext("Below is how the new token gets to its user.")
    sent = desk.gettext("The new token is on its way to %(to)s.")
    return asked.done + " " + sent % {"to": addressee(desk, asked.user, delivery.type)}


_BOTH = ("GET", "POST")
ROUTES = [
    page("devices/{id}/reset", reset, methods=_BOTH),
    page("devices/{id}/issue", issue, methods=_BOTH),
    page("enrollments/{id}/reissue", reissue, methods=_BOTH),
]
