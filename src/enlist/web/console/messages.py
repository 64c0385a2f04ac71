"""Messages: what was sent to whom, and whether it arrived. Never what was in it.

The text is made while it is sent and not kept: it holds the token (A17, X36).
"""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from enlist.core.lifecycle import shown_state
from enlist.core.model import Message
from enlist.core.outcomes import Refusal
from enlist.verbs.views import ListMessages
from enlist.verbs.views_details import EnrollmentDetail, ShowEnrollment
from enlist.web.console import words
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query


async def show_list(desk: Desk) -> Response:
    """The outbox of the organization in force and below, newest first."""
    query = read_query(desk.request, ("state", "user", "enrollment"))
    found = await desk.view(ListMessages(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "query": query,
        "page": found,
        "words": words,
        "undeliverable": not desk.services.tools.channels,
    }
    return desk.show("console/messages.html", context)


async def show_message(desk: Desk) -> Response:
    """One message: where it is on its way, and what it was about."""
    named = {"id": str(desk.request.path_params["id"])}
    here = await desk.view(ListMessages(desk.group_id, filters=named, limit=1))
    if isinstance(here, Refusal):
        return desk.refuse(Refusal("not_found") if here.code == "validation_failed" else here)
    if not here.items:
        return await _elsewhere(desk, named)
    message = here.items[0]
    enrollment = await _enrollment(desk, message)
    context = {
        "message": message,
        "standing": words.word(words.MESSAGE_STATES, message.state),
        "enrollment": enrollment.enrollment if enrollment else None,
        "enrollment_state": _state(desk, enrollment),
        "words": words,
    }
    return desk.show("console/message.html", context)


async def _elsewhere(desk: Desk, named: dict[str, str]) -> Response:
    """To the message in its own organization, where this person may see it there."""
    anywhere = await desk.view(ListMessages(filters=named, limit=1))
    if isinstance(anywhere, Refusal) or not anywhere.items:
        return desk.refuse(Refusal("not_found"))
    place = anywhere.items[0].organization_id
    return RedirectResponse(desk.address(desk.here, at=place), status_code=303)


async def _enrollment(desk: Desk, message: Message) -> EnrollmentDetail | None:
    if message.enrollment_id is None:
        return None
    found = await desk.view(ShowEnrollment(message.enrollment_id))
    return None if isinstance(found, Refusal) else found


def _state(desk: Desk, detail: EnrollmentDetail | None) -> str:
    if detail is None:
        return ""
    return shown_state(detail.enrollment.state, detail.enrollment.expires_at, desk.now)


ROUTES = [page("messages", show_list), page("messages/{id}", show_message)]
