"""`/forward-auth/certificate`: gateways ask here at every request whether a device may come in.

For nginx's `auth_request`, Caddy's `forward_auth` and their like, which end TLS, see the device
prove its certificate, and name it in `Client-Cert`. So a reset counts from the next request on,
whatever a list or a cache says. Any other answer than 200 keeps the device out, a fault too.

The log names the visitor, not the gateway: his address is in `X-Real-IP`. It cannot be in the
header of proxies, as whoever sends that one does not ask for himself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import quote

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.outcomes import Refusal
from enlist.verbs.device_status import DeviceStatus, Standing
from enlist.web.callers import device, services_of
from enlist.web.client_certificates import accepted, forwarded_certificate
from enlist.web.peers import address_in, within

PATH: Final = "/forward-auth/certificate"
VISITOR: Final = b"x-real-ip"
"""Where a gateway says who visits it. Like `Client-Cert`, it must set it at every request."""

_log = structlog.get_logger("enlist.web")


def routes() -> list[BaseRoute]:
    """The route of the web listener."""
    return [Route(PATH, _ask)]


async def _ask(request: Request) -> Response:
    """200, 401 for a certificate that is worth nothing (any more), 403 for a blocked device."""
    if not _asks_for_itself(request):
        _warn_of(request.client.host if request.client else "")
        raise HTTPException(404)
    services = services_of(request)
    found = accepted(forwarded_certificate(request), services)
    if isinstance(found, Refusal):
        return _refused(found)
    verb = DeviceStatus(found.device_id, found.serial)
    outcome = await services.perform(verb, _visitor(request, found.device_id))
    return _refused(outcome) if isinstance(outcome, Refusal) else _vouched(outcome.value)


def _asks_for_itself(request: Request) -> bool:
    """Whether a trusted proxy asks, and does not pass on what somebody else asks (TP33).

    A proxy names whom it speaks for; a gateway that asks about its visitor names nobody. Otherwise
    anybody could ask about any certificate through the proxy that Enlist itself stands behind.
    """
    services = services_of(request)
    peer = request.client.host if request.client else ""
    speaks_for_another = services.proxy_header in request.headers
    return within(peer, services.trusted_proxies) and not speaks_for_another


def _visitor(request: Request, device_id: Id) -> Caller:
    """The device that visits the gateway; from the gateway's own address where it names none."""
    return device(request, device_id, address_in(request.scope, VISITOR))


@lru_cache(maxsize=256)
def _warn_of(peer: str) -> None:
    """Once for each: a gateway that is set up wrongly asks at every request."""
    why = "not a trusted proxy that asks for itself: see the guide to gateways"
    _log.warning("a certificate was asked about", address=peer, refused=why)


def _vouched(standing: Standing) -> Response:
    """Who it is, for the application behind the gateway; none of the headers is ever left out."""
    device = standing.device
    told = {
        "x-enlist-device": device.id,
        "x-enlist-device-name": device.name,
        "x-enlist-user": standing.username,
        "x-enlist-user-id": device.user_id or "",
    }
    return Response(headers={name: quote(value, safe=" @+") for name, value in told.items()})


def _refused(refusal: Refusal) -> Response:
    headers = {
        "x-enlist-reason": refusal.code,
        "x-enlist-support-code": refusal.support_code,
    }
    if refusal.code == "device_blocked":
        return Response(status_code=403, headers=headers)
    headers["www-authenticate"] = f'Enlist reason="{refusal.code}"'
    return Response(status_code=401, headers=headers)
