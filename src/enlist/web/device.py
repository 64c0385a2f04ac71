"""The device listener: what an enrolled device asks, proved by its certificate."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import rfc3339
from enlist.core.outcomes import Refusal
from enlist.core.secrets import support_code
from enlist.pki.chain import Unfit, examine
from enlist.verbs.device_status import DeviceStatus
from enlist.web.callers import services_of, stranger
from enlist.web.client_certificates import client_certificate
from enlist.web.problems import problem_response
from enlist.web.protocols import openziti
from enlist.web.renewing import renewal_routes

__all__ = ["client_certificate", "device_routes"]


def device_routes() -> list[BaseRoute]:
    """Routes that a device's certificate opens, or that lead to one."""
    return [Route("/device", _device), *renewal_routes(), *openziti.routes()]


async def _device(request: Request) -> Response:
    """How Enlist sees the device that asks: `enlist agent status` shows it."""
    services = services_of(request)
    tools = services.tools
    found = examine(client_certificate(request), tools.authority, tools.clock())
    if isinstance(found, Unfit):
        refusal = Refusal("unauthenticated", support_code=support_code())
        return problem_response(refusal)
    sender = stranger(request)
    caller = Caller(
        CallerKind.DEVICE, found.device_id, address=sender.address, user_agent=sender.user_agent
    )
    outcome = await services.perform(DeviceStatus(found.device_id, found.serial), caller)
    if isinstance(outcome, Refusal):
        return problem_response(outcome)
    status = outcome.value
    return JSONResponse(
        {
            "id": status.device.id,
            "name": status.device.name,
            "state": status.device.state.value,
            "user": status.device.username,
            "certificate": {
                "serial": status.credential.serial,
                "not_after": rfc3339(status.credential.not_after),
                "revoked_at": None,
            },
        }
    )
