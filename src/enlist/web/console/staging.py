"""A device that a staging user enrolled is handed out as it is, or taken back."""

from __future__ import annotations

from starlette.responses import Response

from enlist.core.outcomes import Refusal, invalid
from enlist.verbs.staging import HandOut
from enlist.verbs.views_details import DeviceDetail, ShowUser
from enlist.web.console.forms import UNSHOWABLE, Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.people import organization_choices
from enlist.web.console.renewing import device_for


async def hand_out(desk: Desk) -> Response:
    """Ask to whom the device goes, and say what that does; then it is his."""
    detail = await device_for(desk, "hand_out")
    if isinstance(detail, Response):
        return detail
    device = detail.device
    named = desk.request.query_params.get("user", "")
    form = Form({"user": named, "version": str(device.version)})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await _hand_out(desk, detail, form)
        if isinstance(outcome, Response):
            return outcome
        form = form.refused(outcome)
    context = {
        "detail": detail,
        "device": device,
        "form": form,
        "back": desk.address("devices", device.id),
        "organizations": await organization_choices(desk),
    }
    return desk.show("console/device_hand_out.html", context, refusal=form.refusal)


async def _hand_out(desk: Desk, detail: DeviceDetail, form: Form) -> Response | Refusal:
    found = await desk.view(ShowUser(form.value("user")))
    if isinstance(found, Refusal):
        return invalid("user", desk.gettext("There is no such user that you may see."))
    organization, for_good = form.value("organization"), form.value("for_good") == "yes"
    verb = HandOut(detail.device.id, found.user.id, organization, for_good, form.version)
    outcome = await desk.perform(verb)
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome) if outcome.code in UNSHOWABLE else outcome
    handed = outcome.value
    told = desk.gettext("%(device)s is %(user)s's now, as it is.")
    words = told % {"device": handed.name, "user": handed.username or desk.gettext("somebody")}
    return desk.go(desk.address("devices", handed.id, at=handed.group_id), words)


ROUTES = [page("devices/{id}/hand-out", hand_out, methods=("GET", "POST"))]
