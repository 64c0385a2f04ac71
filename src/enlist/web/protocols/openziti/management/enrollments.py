"""Enrollments: one-time JWTs that nobody used yet; what was used is gone."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.filtering import Condition
from enlist.core.lifecycle import shown_state
from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store.outstanding import Outstanding
from enlist.verbs.identities import ListOutstanding, ShowOutstanding
from enlist.verbs.issuing import LATER
from enlist.verbs.one_time_jwt import OneTimeJwt, ShowJwt
from enlist.verbs.register import Issue
from enlist.verbs.reissue import DeleteEnrollment, Reissue
from enlist.web.protocols.openziti.envelopes import answered
from enlist.web.protocols.openziti.management import shapes
from enlist.web.protocols.openziti.management.bodies import Expiry, NewEnrollment, read
from enlist.web.protocols.openziti.management.desk import Desk, Offered, told
from enlist.web.protocols.openziti.management.fields import Fields, Identifier
from enlist.web.protocols.openziti.management.lists import answer_list

FIELDS: Final[Fields] = {"id": Identifier("id"), "identity": Identifier("device")}


async def answer(desk: Desk, *fixed: Condition) -> Response | Refusal:
    """The list, or what of it meets a condition. It holds no token: a list is read by many."""
    return await answer_list(desk, ListOutstanding, FIELDS, shapes.enrollment, *fixed)


async def jwt_of(desk: Desk, found: Outstanding | None) -> OneTimeJwt | None:
    """The JWT that a detail shows, which is an event; None where there is none to show.

    Nobody asked for the JWT itself, so what has none is not asked for it: a refusal would be
    recorded.
    """
    may = Permission.ENROLLMENTS_DOWNLOAD
    if found is None or not desk.caller.may(may, found.organization_path):
        return None
    if shown_state(found.state, found.expires_at, desk.now) != "active":
        return None
    shown = await desk.do(ShowJwt(found.id, "text"))
    return None if isinstance(shown, Refusal) else shown


async def _list(desk: Desk) -> Response | Refusal:
    """List enrollments; without JWTs."""
    return await answer(desk)


async def _show(desk: Desk) -> Response | Refusal:
    """Show an enrollment, with its JWT for those who may have it; each time is an event."""
    found = await desk.see(ShowOutstanding(desk.named))
    if isinstance(found, Refusal):
        return found
    return answered(shapes.enrollment(found, await jwt_of(desk, found)))


async def _create(desk: Desk) -> Response | Refusal:
    """Make an enrollment for an identity that has none and is not enrolled (D67)."""
    body = await read(desk, NewEnrollment)
    if isinstance(body, Refusal):
        return body
    verb = Issue(body.identity_id, LATER, body.expires_at, GrantKind.ONE_TIME_JWT)
    issued = await desk.do(verb)
    return told(issued, lambda each: shapes.created("enrollments", each.enrollment_id))


async def _refresh(desk: Desk) -> Response | Refusal:
    """Reissue the JWT, also one that has expired; the enrollment keeps its id (D14, D68)."""
    body = await read(desk, Expiry)
    if isinstance(body, Refusal):
        return body
    found = await desk.see(ShowOutstanding(desk.named))
    if isinstance(found, Refusal):
        return found
    return await desk.done(Reissue(found.id, LATER, body.expires_at))


async def _delete(desk: Desk) -> Response | Refusal:
    """Delete an enrollment, for good (D69)."""
    found = await desk.see(ShowOutstanding(desk.named))
    if isinstance(found, Refusal):
        return found
    return await desk.done(DeleteEnrollment(found.id))


ROUTES: Final[tuple[Offered, ...]] = (
    ("/enrollments", "GET", _list),
    ("/enrollments", "POST", _create),
    ("/enrollments/{id}", "GET", _show),
    ("/enrollments/{id}", "DELETE", _delete),
    ("/enrollments/{id}/refresh", "POST", _refresh),
)
