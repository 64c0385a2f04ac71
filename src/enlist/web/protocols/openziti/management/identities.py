"""Identities: devices, whatever OpenZiti calls them."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.verbs.devices import ChangeDevice, DeleteDevice
from enlist.verbs.identities import ListIdentities, ShowIdentity
from enlist.verbs.issuing import LATER
from enlist.verbs.register_identity import RegisterAlone, RegisterIdentity
from enlist.web.protocols.openziti.envelopes import answered
from enlist.web.protocols.openziti.management import authenticators, enrollments, shapes
from enlist.web.protocols.openziti.management.bodies import IdentityChange, NewIdentity, read
from enlist.web.protocols.openziti.management.desk import Desk, Offered, told
from enlist.web.protocols.openziti.management.fields import Always, Fields, Identifier, Text
from enlist.web.protocols.openziti.management.lists import answer_list, belonging_to

FIELDS: Final[Fields] = {
    "id": Identifier("id"),
    "name": Text("name"),
    "type": Always(shapes.TYPE),
    "isAdmin": Always(False),
    "isDefaultAdmin": Always(False),
    "externalId": Text("external_id"),
}


async def _list(desk: Desk) -> Response | Refusal:
    """List identities; without JWTs."""
    return await answer_list(
        desk, lambda wanted: ListIdentities(wanted, desk.idle), FIELDS, shapes.identity
    )


async def _create(desk: Desk) -> Response | Refusal:
    """Make an identity; with `enrollment.ott` its detail then holds a JWT (D64)."""
    body = await read(desk, NewIdentity)
    if isinstance(body, Refusal):
        return body
    verb = RegisterIdentity("", "", body.details, LATER, None, GrantKind.ONE_TIME_JWT)
    if not body.enrolls:
        made = await desk.do(RegisterAlone(verb))
        return told(made, lambda device: shapes.created("identities", device.id))
    issued = await desk.do(verb)
    return told(issued, lambda each: shapes.created("identities", each.device_id))


async def _show(desk: Desk) -> Response | Refusal:
    """Show an identity, with its JWT for those who may have it; each time is an event."""
    found = await desk.see(ShowIdentity(desk.named, desk.idle))
    if isinstance(found, Refusal):
        return found
    jwt = await enrollments.jwt_of(desk, found.enrollment)
    return answered(shapes.identity(found, jwt))


async def _change(desk: Desk) -> Response | Refusal:
    """Give an identity another `name` or `externalId`."""
    body = await read(desk, IdentityChange)
    if isinstance(body, Refusal):
        return body
    return await desk.done(ChangeDevice(desk.named, body.changes))


async def _delete(desk: Desk) -> Response | Refusal:
    """Delete an identity; its certificate and its JWT end at once."""
    return await desk.done(DeleteDevice(desk.named))


async def _enrollments(desk: Desk) -> Response | Refusal:
    """List the enrollments of an identity."""
    return await _unless_missing(desk) or await enrollments.answer(desk, belonging_to(desk.named))


async def _authenticators(desk: Desk) -> Response | Refusal:
    """List the authenticators of an identity."""
    found = await _unless_missing(desk)
    return found or await authenticators.answer(desk, belonging_to(desk.named))


async def _unless_missing(desk: Desk) -> Refusal | None:
    """A list of what belongs to nothing would be empty, and say that there is something."""
    found = await desk.see(ShowIdentity(desk.named, desk.idle))
    return found if isinstance(found, Refusal) else None


ROUTES: Final[tuple[Offered, ...]] = (
    ("/identities", "GET", _list),
    ("/identities", "POST", _create),
    ("/identities/{id}", "GET", _show),
    ("/identities/{id}", "PATCH", _change),
    ("/identities/{id}", "DELETE", _delete),
    ("/identities/{id}/enrollments", "GET", _enrollments),
    ("/identities/{id}/authenticators", "GET", _authenticators),
)
