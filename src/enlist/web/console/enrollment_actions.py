"""What can be done with an enrollment, one at a time: send, free, revoke, delete.

Each is a page that says what it will do, and a button. What makes a new token is in `renewing.py`,
showing a JWT in `handing.py`; a registration token is shown nowhere but in its message (A16).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from enlist.core.lifecycle import shown_state
from enlist.core.outcomes import Refusal
from enlist.verbs.driver import Verb
from enlist.verbs.reactivate import Reactivate
from enlist.verbs.reissue import DeleteEnrollment, Resend, Revoke
from enlist.verbs.views_details import EnrollmentDetail, ShowEnrollment
from enlist.web.console import words
from enlist.web.console.forms import UNSHOWABLE, Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.offering import NEEDS
from enlist.web.console.sending import FIELDS, addressee, token_choices, ways


async def resend(desk: Desk) -> Response:
    """Send the same token again."""

    def verb(detail: EnrollmentDetail, form: Form) -> Verb[Any, Any, Any]:
        return Resend(detail.enrollment.id, form.value("template"), form.value("message_type"))

    notice = desk.gettext("The message is on its way to %(to)s.")
    return await _act(desk, "resend", verb, notice)


async def reactivate(desk: Desk) -> Response:
    """Free what is on hold."""

    def verb(detail: EnrollmentDetail, _form: Form) -> Verb[Any, Any, Any]:
        return Reactivate(detail.enrollment.id)

    return await _act(desk, "reactivate", verb, desk.gettext("Freed. The token works again."))


async def revoke(desk: Desk) -> Response:
    """End the enrollment."""

    def verb(detail: EnrollmentDetail, form: Form) -> Verb[Any, Any, Any]:
        return Revoke(detail.enrollment.id, form.value("reason"))

    return await _act(desk, "revoke", verb, desk.gettext("Revoked. The token is dead."))


async def delete(desk: Desk) -> Response:
    """End the enrollment for good, without a trace in the lists (D16-D18)."""

    def verb(detail: EnrollmentDetail, _form: Form) -> Verb[Any, Any, Any]:
        return DeleteEnrollment(detail.enrollment.id)

    return await _act(desk, "delete", verb, desk.gettext("Deleted for good."))


async def _act(
    desk: Desk,
    name: str,
    make: Callable[[EnrollmentDetail, Form], Verb[Any, Any, Any]],
    notice: str,
) -> Response:
    """The page of one action, and the action."""
    detail = await desk.view(ShowEnrollment(str(desk.request.path_params["id"])))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    found = detail.enrollment
    path = found.organization_path
    instead = desk.elsewhere(path, found.group_id) or desk.closed(NEEDS[name], path)
    if instead is not None:
        return instead
    back = back_to(desk, detail)
    form = Form({"message_type": detail.messages[0].channel if detail.messages else ""})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await desk.perform(make(detail, form))
        if not isinstance(outcome, Refusal):
            if name == "delete" and detail.device is None:
                back = desk.address("enrollments")  # it has no page any more
            to = addressee(desk, detail.user, form.value("message_type"))
            return desk.go(back, notice % {"to": to})
        if outcome.code in UNSHOWABLE:
            return desk.refuse(outcome)
        form = form.refused(outcome, FIELDS)
    context = {
        "detail": detail,
        "enrollment": found,
        "state": shown_state(found.state, found.expires_at, desk.now),
        "back": back,
        "form": form,
        "ways": ways(desk, found, detail.user),
        "to": addressee(desk, detail.user),
        "words": words,
        **await token_choices(desk, found.organization_path),
    }
    return desk.show(f"console/enrollment_{name}.html", context, refusal=form.refusal)


def back_to(desk: Desk, detail: EnrollmentDetail) -> str:
    """The page to return to: the device's, which is the heart, else the enrollment's."""
    if detail.device is not None:
        return desk.address("devices", detail.device.id)
    return desk.address("enrollments", detail.enrollment.id)


_BOTH = ("GET", "POST")
ROUTES = [
    page("enrollments/{id}/resend", resend, methods=_BOTH),
    page("enrollments/{id}/reactivate", reactivate, methods=_BOTH),
    page("enrollments/{id}/revoke", revoke, methods=_BOTH),
    page("enrollments/{id}/delete", delete, methods=_BOTH),
]
