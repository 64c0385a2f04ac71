"""The page that tells when the device has joined, for the browser that began the attempt.

Its address holds which attempt it is, sealed for that browser alone; it is no secret and enrolls
nothing. The page looks again by itself where scripts run, else by a link.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from enlist.core.ids import Id
from enlist.core.outcomes import Refusal
from enlist.verbs.progress import FollowAttempt, Stage
from enlist.web import visits
from enlist.web.callers import services_of, stranger
from enlist.web.look import look_of
from enlist.web.pages import render
from enlist.web.visits import Visit

PROGRESS_PATH: Final = "/enroll/progress"
LOOKS_AGAIN: Final = "x-looks-again"
"""Header of a page that asks whether there is news: there is no answer to show while it waits."""


def progress_address(visit: Visit, attempt_id: Id) -> str:
    """Where a browser learns what became of the attempt that it began."""
    sealed = visit.seal(visits.Purpose.PROGRESS, {"id": attempt_id})
    return f"{PROGRESS_PATH}?{urlencode({'of': sealed})}"


async def show_progress(request: Request) -> Response:
    """How the attempt stands. Changes nothing, and may be asked for as often as one likes."""
    services = services_of(request)
    visit = visits.visit_of(request, services)
    sealed = request.query_params.get("of", "")
    known = visit.unseal(visits.Purpose.PROGRESS, sealed) if visit else None
    if known is None:
        return RedirectResponse("/enroll", status_code=303)
    found = await services.view(FollowAttempt(known["id"]), stranger(request))
    if isinstance(found, Refusal):
        return RedirectResponse("/enroll", status_code=303)
    if found.stage is Stage.WAITING and LOOKS_AGAIN in request.headers:
        return Response(status_code=204)
    context = {"progress": found, "address": f"{PROGRESS_PATH}?{urlencode({'of': sealed})}"}
    look = await look_of(request, found.around.organization_id)
    return render(request, "enroll/progress.html", context, zone=found.around.zone, look=look)
