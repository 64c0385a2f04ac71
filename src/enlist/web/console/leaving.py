"""Somebody leaves, or is forgotten: each page shows first what ends with that."""

from __future__ import annotations

from starlette.responses import Response

from enlist.core.model import User
from enlist.core.outcomes import Refusal, invalid
from enlist.verbs.erase import Erase
from enlist.verbs.offboard import CancelOffboarding, Offboard
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.views_details import UserDetail
from enlist.web.console.forms import UNSHOWABLE, Form, from_picker, read_form, to_picker
from enlist.web.console.layout import Desk, page
from enlist.web.console.user import find_user, may_act


async def offboard(desk: Desk) -> Response:
    """Show all that lets a user in and ends, and ask when."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    user, planned, form = detail.user, detail.offboarding, Form()
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await _offboard(desk, user, form)
        if isinstance(outcome, Response):
            return outcome
        form = form.refused(outcome)
    elif not may_act(desk, detail):
        return desk.refuse(Refusal("forbidden"))
    elif planned is not None:
        form = Form({"at": to_picker(planned.due_at, desk.zone)})
    foreseen = await desk.perform(DryRun(Offboard(user.id)))
    refusal = form.refusal
    if isinstance(foreseen, Refusal):
        if foreseen.code in UNSHOWABLE:
            return desk.refuse(foreseen)
        refusal = refusal or foreseen
    context = {
        "user": user,
        "form": form,
        "himself": user.id == desk.caller.id,
        "foreseen": None if isinstance(foreseen, Refusal) else foreseen.value,
        "soonest": to_picker(desk.now, desk.zone),
    }
    page = desk.show("console/user_offboard.html", context, refusal=refusal)
    if desk.request.method == "GET":
        page.status_code = 200  # it tells beforehand what would be refused
    return page


async def _offboard(desk: Desk, user: User, form: Form) -> Response | Refusal:
    at = from_picker(form.value("at"), desk.zone)
    if form.value("at") and at is None:
        return invalid("at", desk.gettext("must be a date and a time"))
    outcome = await desk.perform(Offboard(user.id, at, form.value("preview")))
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome) if outcome.code in UNSHOWABLE else outcome
    done = desk.gettext("%(name)s was offboarded: all ways in have ended.")
    if at is not None:
        done = desk.gettext("Planned. Until then, nothing changes for %(name)s.")
    return desk.go(desk.address("users", user.id), done % {"name": user.display_name})


async def keep(desk: Desk) -> Response:
    """Cancel what was planned."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    user = detail.user
    back = desk.address("users", user.id)
    outcome = await desk.perform(CancelOffboarding(user.id))
    if not isinstance(outcome, Refusal):
        told = desk.gettext("Cancelled. %(name)s stays.")
        return desk.go(back, told % {"name": user.display_name})
    if outcome.code == "not_found":
        return desk.back(back, desk.gettext("Nothing is planned any more."))
    return desk.refuse(outcome)


async def erase(desk: Desk) -> Response:
    """Forget a person for good, once the user name was typed again."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    user, form = detail.user, Form()
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        verb = Erase(user.id, form.value("confirm"), form.value("preview"))
        outcome = await desk.perform(verb)
        if not isinstance(outcome, Refusal):
            told = desk.gettext("The person was erased, also from %(count)s events.")
            return desk.go(desk.address("users"), told % {"count": outcome.value.events})
        if outcome.code in UNSHOWABLE:
            return desk.refuse(outcome)
        form = form.refused(outcome)
    elif not may_erase(desk, detail):
        return desk.refuse(Refusal("forbidden"))
    foreseen = await desk.perform(DryRun(Erase(user.id)))
    if isinstance(foreseen, Refusal):
        return desk.refuse(foreseen)
    context = {"user": user, "form": form, "foreseen": foreseen.value}
    return desk.show("console/user_erase.html", context, refusal=form.refusal)


def may_erase(desk: Desk, detail: UserDetail) -> bool:
    """Whether the page is of any use."""
    himself = detail.user.id == desk.caller.id
    may = desk.may("users:erase", detail.user.organization_path)
    return may and not himself and may_act(desk, detail)


ROUTES = [
    page("users/{id}/erase", erase, methods=("GET", "POST")),
    page("users/{id}/offboard", offboard, methods=("GET", "POST")),
    page("users/{id}/keep", keep, methods=("POST",)),
]
