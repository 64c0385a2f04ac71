"""A device goes to somebody else, or another one takes its place (X33).

To reassign, it is said first to whom, since what the page then shows and the button confirms is
about that user. The button to replace makes one device, however often it is pressed.
"""

from __future__ import annotations

from dataclasses import replace as but

from starlette.responses import Response

from enlist.core.model import Device, User
from enlist.core.outcomes import Refusal, invalid
from enlist.verbs.afresh import BegunAgain, NewBeginning
from enlist.verbs.issuing import Delivery
from enlist.verbs.reassign import Reassign, stays_with
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.replace import Replace
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization, ShowUser
from enlist.web.console import words
from enlist.web.console.forms import UNSHOWABLE, Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.people import organization_choices
from enlist.web.console.renewing import Renewal, choices_of, device_for, last_grant, renew
from enlist.web.console.sending import read_grant


async def reassign(desk: Desk) -> Response:
    """Ask to whom the device goes; then show what ends, and give it to him."""
    detail = await device_for(desk, "reassign")
    if isinstance(detail, Response):
        return detail
    device = detail.device
    back = desk.address("devices", device.id)
    if detail.deleted_at is not None:
        return desk.back(back, desk.gettext("Its enrollment was deleted. That is final here."))
    form = Form(desk.request.query_params)
    if desk.request.method == "POST":
        form = await read_form(desk.request)
    chosen = await _chosen(desk, device, form)
    if isinstance(chosen, Response):
        return chosen
    user, place = chosen
    wanted = form.value("organization")
    his = _his(device, user, place)

    def make(form: Form, delivery: Delivery, until: int | None) -> Reassign:
        grant, preview = read_grant(form), form.value("preview")
        return Reassign(device.id, user.id, wanted, delivery, until, grant, preview)

    told = desk.gettext("%(device)s is %(user)s's now: what it held has ended.")
    return await renew(
        desk,
        Renewal(
            template="console/device_reassign.html",
            item=his,
            user=user,
            back=back,
            make=make,
            first={"grant": last_grant(detail), "user": user.username, "organization": wanted},
            done=told % {"device": device.name, "user": user.display_name},
            shown={
                **choices_of(his),
                "before": detail.user,
                "moves": his.organization_id != device.organization_id,
            },
        ),
    )


async def _chosen(
    desk: Desk, device: Device, form: Form
) -> tuple[User, OrganizationDetail | None] | Response:
    """To whom the device shall go, and where, if that can be; else the page that asks."""
    named, wanted = form.value("user"), form.value("organization")
    if not named:
        return await _ask_whom(desk, device, form)
    found = await desk.view(ShowUser(named))
    if isinstance(found, Refusal):
        error = desk.gettext("There is no such user that you may see.")
        return await _ask_whom(desk, device, form.refused(invalid("user", error)))
    place: OrganizationDetail | Refusal | None = None
    goes = found.user.enrolls_at if not stays_with(device, found.user) else ""
    if wanted or goes:
        place = await desk.view(ShowOrganization(wanted or goes))
    if isinstance(place, Refusal):
        error = desk.gettext("There is no such organization that you may see.")
        return await _ask_whom(desk, device, form.refused(invalid("organization", error)))
    outcome = await desk.perform(DryRun(Reassign(device.id, found.user.id, wanted)))
    if not isinstance(outcome, Refusal):
        return found.user, place
    if outcome.code in UNSHOWABLE:
        return desk.refuse(outcome)
    return await _ask_whom(desk, device, form.refused(outcome))


async def _ask_whom(desk: Desk, device: Device, form: Form) -> Response:
    context = {
        "device": device,
        "form": form,
        "back": desk.address("devices", device.id),
        "organizations": await organization_choices(desk),
    }
    return desk.show("console/device_to_whom.html", context, refusal=form.refusal)


def _his(device: Device, user: User, place: OrganizationDetail | None) -> Device:
    """The device as it will be."""
    his = but(device, user_id=user.id, username=user.username)
    if place is not None:
        to = place.organization
        return but(his, organization_id=to.id, organization_path=to.path, group_id=to.group_id)
    return his


async def replace(desk: Desk) -> Response:
    """Register a device for the same user; the old one ends once the new one is enrolled."""
    detail = await device_for(desk, "replace")
    if isinstance(detail, Response):
        return detail
    old = detail.device

    def make(form: Form, delivery: Delivery, until: int | None) -> Replace:
        name, platform, serial = (form.value(each) for each in ("name", "platform", "serial"))
        grant, preview = read_grant(form), form.value("preview")
        return Replace(old.id, name, platform, serial, delivery, until, grant, preview)

    def lands(made: NewBeginning) -> str:
        return desk.address("devices", made.issued.device_id)

    told = desk.gettext(
        "Registered in the place of %(device)s, which ends once this one is enrolled."
    )
    return await renew(
        desk,
        Renewal(
            template="console/device_replace.html",
            item=old,
            user=detail.user,
            back=desk.address("devices", old.id),
            make=make,
            first={"grant": last_grant(detail), "name": old.name, "platform": old.platform.value},
            done=told % {"device": old.name},
            shown={
                **choices_of(old),
                "platforms": words.PLATFORMS,
            },
            again=lambda made: BegunAgain(made, revealed=False),
            lands=lands,
        ),
    )


_BOTH = ("GET", "POST")
ROUTES = [
    page("devices/{id}/reassign", reassign, methods=_BOTH),
    page("devices/{id}/replace", replace, methods=_BOTH),
]
