"""The first step: the form, whoever asks for it, with whatever handle."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.store.tx import StoreUnavailable
from enlist.verbs.landing import AsksForSignIn
from enlist.verbs.opened import Opened
from enlist.web.callers import services_of, stranger
from enlist.web.enroll.visitors import by_person
from enlist.web.look import Look, look_of
from enlist.web.pages import render
from enlist.web.problems import headers_of, status_of
from enlist.web.visits import Purpose, Visit, begin_visit, keep_visit, visit_of


async def show_form(request: Request) -> Response:
    """The empty form. Consumes nothing, signs nobody in (X01, X02)."""
    services = services_of(request)
    handle = request.path_params.get("handle", "")
    asked = bool(handle) and await services.view(AsksForSignIn(handle), stranger(request)) is True
    visit = visit_of(request, services) or begin_visit(services)
    look = await look_of(request)
    response = form_page(request, visit, visit.seal(Purpose.FORM), look, unfolded=asked)
    if handle:
        # After the answer, so that its time does not tell whether the handle exists.
        response.background = BackgroundTask(_note, request, handle)
    return response


def form_page(
    request: Request,
    visit: Visit,
    nonce: str,
    look: Look,
    *,
    unfolded: bool = True,
    refusal: Refusal | None = None,
) -> Response:
    """The form; with what was wrong with the last try, in words that fit every stranger alike.

    Args:
        look: the top organization's: a stranger must not learn whose link he holds.
        unfolded: the fields for name and password are open.
    """
    context = {
        "nonce": nonce,
        "unfolded": unfolded,
        "refusal": refusal,
        "from_link": bool(request.path_params.get("handle")),
        "action": request.url.path,
    }
    status = status_of(refusal) if refusal else 200
    response = render(request, "enroll/form.html", context, status=status, look=look)
    if refusal is not None:
        response.headers.update(headers_of(refusal))
    keep_visit(response, visit)
    return response


async def _note(request: Request, handle: str) -> None:
    """Write down that the link was opened; the visitor has his page already."""
    services = services_of(request)
    try:
        await services.perform(Opened(handle, by_person(request)), stranger(request))
    except StoreUnavailable:
        return
