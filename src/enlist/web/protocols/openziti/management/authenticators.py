"""Authenticators: the certificates that devices prove themselves with."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.filtering import Condition
from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.verbs.authenticators import (
    ListAuthenticators,
    ReEnroll,
    RequestExtension,
    ShowAuthenticator,
)
from enlist.web.protocols.openziti.envelopes import answered
from enlist.web.protocols.openziti.management import shapes
from enlist.web.protocols.openziti.management.bodies import Expiry, Extension, read
from enlist.web.protocols.openziti.management.desk import Desk, Offered, told
from enlist.web.protocols.openziti.management.fields import Always, Fields, Identifier, Text
from enlist.web.protocols.openziti.management.lists import answer_list

FIELDS: Final[Fields] = {
    "id": Identifier("id"),
    "method": Always("cert"),
    "fingerprint": Text("fingerprint"),
    "identity": Identifier("device"),
}


async def answer(desk: Desk, *fixed: Condition) -> Response | Refusal:
    """The list, or what of it meets a condition."""
    return await answer_list(desk, ListAuthenticators, FIELDS, shapes.authenticator, *fixed)


async def _list(desk: Desk) -> Response | Refusal:
    """List authenticators: certificates that count."""
    return await answer(desk)


async def _show(desk: Desk) -> Response | Refusal:
    """Show an authenticator."""
    found = await desk.see(ShowAuthenticator(desk.named))
    return told(found, lambda each: answered(shapes.authenticator(each)))


async def _re_enroll(desk: Desk) -> Response | Refusal:
    """Reset the identity: its certificate ends; answers the new enrollment's id (D70)."""
    body = await read(desk, Expiry)
    if isinstance(body, Refusal):
        return body
    verb = ReEnroll(
        "",
        authenticator_id=desk.named,
        expires_at=body.expires_at,
        grant=GrantKind.ONE_TIME_JWT,
    )
    begun = await desk.do(verb)
    return told(begun, lambda each: shapes.created("enrollments", each.issued.enrollment_id))


async def _request_extend(desk: Desk) -> Response | Refusal:
    """Ask the device to renew its certificate; with `rollKeys` by another key (D71)."""
    body = await read(desk, Extension)
    if isinstance(body, Refusal):
        return body
    return await desk.done(RequestExtension(desk.named, body.roll_keys))


ROUTES: Final[tuple[Offered, ...]] = (
    ("/authenticators", "GET", _list),
    ("/authenticators/{id}", "GET", _show),
    ("/authenticators/{id}/re-enroll", "POST", _re_enroll),
    ("/authenticators/{id}/request-extend", "POST", _request_extend),
)
