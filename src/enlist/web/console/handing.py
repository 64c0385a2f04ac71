"""Handing over what a device enrolls with: by e-mail, as a file, as a QR code, as its grant allows.

A registration token is only ever sent; a one-time JWT can be taken along as well, while nobody
has used it. Each time is an event, so it takes a button: following a link shows nothing (D26-D30).
"""

from __future__ import annotations

from base64 import b64encode

from starlette.responses import Response

from enlist.core.lifecycle import shown_state
from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.views_details import EnrollmentDetail, ShowEnrollment
from enlist.web.console import words
from enlist.web.console.enrollment_actions import back_to
from enlist.web.console.forms import UNSHOWABLE
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.offering import NEEDS
from enlist.web.jwts import jwt_file, qr_code


async def download(desk: Desk) -> Response:
    """The JWT as a file."""
    detail = await _detail(desk)
    if isinstance(detail, Response):
        return detail
    outcome = await desk.perform(ShowJwt(detail.enrollment.id, "file"))
    return desk.refuse(outcome) if isinstance(outcome, Refusal) else jwt_file(outcome.value)


async def show_qr(desk: Desk) -> Response:
    """The JWT as a QR code, once its button was pressed; and what became of it while it is shown.

    The page looks again by itself. Where the JWT was used or replaced it shows that instead.
    """
    detail = await _detail(desk)
    if isinstance(detail, Response):
        return detail
    found = detail.enrollment
    state = shown_state(found.state, found.expires_at, desk.now)
    mark = mark_of(state, found.generation)
    if unchanged := desk.unchanged(mark):
        return unchanged
    picture, refusal = "", None
    if desk.request.method == "POST":
        outcome = await desk.perform(ShowJwt(found.id, "qr"))
        if not isinstance(outcome, Refusal):
            picture = b64encode(qr_code(outcome.value)).decode()
        elif outcome.code in UNSHOWABLE:
            return desk.refuse(outcome)
        else:
            refusal = outcome
    context = {
        "detail": detail,
        "enrollment": found,
        "state": state,
        "mark": mark,
        "picture": picture,
        "by_jwt": found.grant is GrantKind.ONE_TIME_JWT,
        "back": back_to(desk, detail),
        "words": words,
    }
    return desk.show("console/enrollment_qr.html", context, refusal=refusal)


async def _detail(desk: Desk) -> EnrollmentDetail | Response:
    detail = await desk.view(ShowEnrollment(str(desk.request.path_params["id"])))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    path = detail.enrollment.organization_path
    moved = desk.elsewhere(path, detail.enrollment.group_id)
    return moved or desk.closed(NEEDS["download"], path) or detail


ROUTES = [
    page("enrollments/{id}/jwt", download, methods=("POST",)),
    page("enrollments/{id}/qr", show_qr, methods=("GET", "POST")),
]
