"""Renewing a device's certificate, as `enlist-agent run` does it.

On the device listener, it is asked for with the old certificate and confirmed with the new one.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from enlist.core.clock import rfc3339
from enlist.core.outcomes import FieldError, Refusal
from enlist.pki.csr import parse
from enlist.verbs.renewal import ConfirmRenewal, RenewCertificate
from enlist.web.callers import device, services_of
from enlist.web.client_certificates import shown
from enlist.web.problems import problem_response
from enlist.web.reading import failed, read_json

PATH: Final = "/device/renewal"


def renewal_routes() -> list[BaseRoute]:
    """The two steps of a renewal."""
    return [
        Route(PATH, _renew, methods=["POST"]),
        Route(f"{PATH}/confirm", _confirm, methods=["POST"]),
    ]


async def _renew(request: Request) -> Response:
    """`{"csr": PEM}` gets another certificate; the one that asks counts until it is confirmed."""
    held = shown(request)
    if isinstance(held, Refusal):
        return problem_response(held)
    csr = _csr(await request.body())
    if isinstance(csr, Refusal):
        return problem_response(csr)
    services = services_of(request)
    verb = RenewCertificate(held.device_id, held.serial, parse(csr))
    outcome = await services.perform(verb, device(request, held.device_id))
    if isinstance(outcome, Refusal):
        return problem_response(outcome)
    chain = services.tools.authority.chain_of(outcome.value)
    return JSONResponse({"certificate": outcome.value, "chain": chain})


async def _confirm(request: Request) -> Response:
    """The certificate that asks has come; the one that it renews ends. May be repeated."""
    held = shown(request)
    if isinstance(held, Refusal):
        return problem_response(held)
    verb = ConfirmRenewal(held.device_id, held.serial)
    outcome = await services_of(request).perform(verb, device(request, held.device_id))
    if isinstance(outcome, Refusal):
        return problem_response(outcome)
    credential = outcome.value.credential
    told = {"serial": credential.serial, "not_after": rfc3339(credential.not_after)}
    return JSONResponse({"certificate": told})


def _csr(body: bytes) -> str | Refusal:
    value = read_json(body)
    if isinstance(value, Refusal):
        return value
    csr = value.get("csr") if isinstance(value, dict) else None
    return csr if isinstance(csr, str) else failed([FieldError("csr", "must be a text")])
