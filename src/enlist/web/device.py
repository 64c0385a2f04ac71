"""The device listener: what an enrolled device asks, proved by its certificate."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from enlist.core.clock import rfc3339
from enlist.core.outcomes import Refusal
from enlist.verbs.device_status import DeviceStatus
from enlist.web.callers import device, services_of
from enlist.web.client_certificates import shown
from enlist.web.problems import problem_response
from enlist.web.protocols import openziti
from enlist.web.renewing import renewal_routes


def device_routes() -> list[BaseRoute]:
    """Routes that a device's certificate opens, or that lead to one."""
    return [Route("/device", _device), *renewal_routes(), *openziti.routes()]


async def _device(request: Request) -> Response:
    """How Enlist sees the device that asks: `enlist agent status` shows it."""
    held = shown(request)
    if isinstance(held, Refusal):
        return problem_response(held)
    caller = device(request, held.device_id)
    verb = DeviceStatus(held.device_id, held.serial)
    outcome = await services_of(request).perform(verb, caller)
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
