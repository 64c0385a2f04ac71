"""A user goes to another organization: asked where to, and told first what goes along."""

from __future__ import annotations

from starlette.responses import Response

from enlist.core.model import User
from enlist.core.outcomes import Refusal, invalid
from enlist.verbs.move_people import MoveUser
from enlist.web.console.forms import UNSHOWABLE, Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.people import choices_of_all
from enlist.web.console.user import find_user, may_act


async def move_user(desk: Desk) -> Response:
    """Ask where to, and move him."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    user, form = detail.user, Form()
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await _move(desk, user, form.value("organization"))
        if isinstance(outcome, Response):
            return outcome
        form = form.refused(outcome)
    elif not may_act(desk, detail):
        return desk.refuse(Refusal("forbidden"))
    found = await choices_of_all(desk)
    places = [each for each in found if each[0] != user.group_id]
    if not places:
        none = desk.gettext("There is no other organization that you may move somebody to.")
        return desk.back(desk.address("users", user.id), none)
    context = {"user": user, "form": form, "roles": detail.roles, "organizations": places}
    return desk.show("console/user_move.html", context, refusal=form.refusal)


async def _move(desk: Desk, user: User, place: str) -> Response | Refusal:
    if not place:
        return invalid("organization", desk.gettext("Choose one"))
    outcome = await desk.perform(MoveUser(user.id, place))
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome) if outcome.code in UNSHOWABLE else outcome
    moved = outcome.value
    told = desk.gettext("%(name)s is in %(place)s now.")
    words = told % {"name": moved.display_name, "place": moved.group_id}
    return desk.go(desk.address("users", moved.id, at=moved.group_id), words)


ROUTES = [page("users/{id}/move", move_user, methods=("GET", "POST"))]
