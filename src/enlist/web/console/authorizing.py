"""Where a user may enroll: Group IDs, one in a line, the default first."""

from __future__ import annotations

from starlette.responses import Response

from enlist.core.model import User
from enlist.core.outcomes import Refusal
from enlist.verbs.authorizing import MOST, Authorize
from enlist.verbs.views import ListOrganizations
from enlist.web.console.forms import UNSHOWABLE, Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.user import find_user, may_act


async def authorize(desk: Desk) -> Response:
    """Show where he may enroll, and change it."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    user = detail.user
    form = Form({"organizations": "\n".join(each.group_id for each in detail.authorized)})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await _authorize(desk, user, form)
        if isinstance(outcome, Response):
            return outcome
        form = form.refused(outcome)
    elif not may_act(desk, detail):
        return desk.refuse(Refusal("forbidden"))
    below = await desk.view(ListOrganizations(user.group_id, limit=MOST))
    context = {
        "user": user,
        "form": form,
        "places": () if isinstance(below, Refusal) else below.items,
    }
    return desk.show("console/user_authorize.html", context, refusal=form.refusal)


async def _authorize(desk: Desk, user: User, form: Form) -> Response | Refusal:
    named = tuple(form.value("organizations").replace("&", " ").replace(",", " ").split())
    outcome = await desk.perform(Authorize(user.id, named))
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome) if outcome.code in UNSHOWABLE else outcome
    return desk.go(desk.address("users", user.id), desk.gettext("Changes saved."))


ROUTES = [page("users/{id}/organizations", authorize, methods=("GET", "POST"))]
