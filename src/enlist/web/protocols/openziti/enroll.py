"""Enrolling with a one-time JWT: its `jti` and a certificate request come in, a chain goes out.

The token stands in the query because clients put it there; no log keeps a query (D44-D55).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from enlist.core.outcomes import Refusal
from enlist.core.secrets import Kind, Secret, wellformed_uuid
from enlist.pki.csr import parse
from enlist.pki.listener import METHOD
from enlist.store.redemptions import DeviceReport
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.web.callers import services_of, stranger
from enlist.web.protocols.openziti.bodies import text_of, unfit
from enlist.web.protocols.openziti.envelopes import accepts_json, answered, refused, refused_as
from enlist.web.protocols.openziti.paths import Offered
from enlist.web.reading import read_json


async def _enroll(request: Request) -> Response:
    """`POST /enroll?method=ott&token=…`; the body is a request in PEM, or JSON around it (D46)."""
    return await _enroll_with(request, await request.body())


async def lean(scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /enroll`, with nothing around it: a thousand devices may come at once."""
    message = await receive()  # `Capped` has read it: the body is in one piece
    answer = await _enroll_with(Request(scope), message["body"])
    await answer(scope, receive, send)


async def _enroll_with(request: Request, body: bytes) -> Response:
    asked = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    if asked.get("method", METHOD) != METHOD:
        return refused_as(
            "INVALID_ENROLL_METHOD",
            f"Only the method {METHOD!r} is offered here. Ask your administrator for a JWT.",
        )
    token = asked.get("token", "")
    if _media_type(request) != "application/json":
        return await _redeem(request, token, body)
    value = read_json(body)
    if isinstance(value, Refusal):
        return refused(value)
    if wellformed_uuid(token) is None:
        return unfit("token", "must be a UUID")
    csr = text_of(value, "clientCsr")
    return await _redeem(request, token, csr) if isinstance(csr, str) else csr


async def _enroll_ott(request: Request) -> Response:
    """`POST /enroll/ott`: token and request, both in JSON."""
    value = read_json(await request.body())
    if isinstance(value, Refusal):
        return refused(value)
    token, csr = text_of(value, "token"), text_of(value, "clientCsr")
    if not isinstance(token, str):
        return token
    if not isinstance(csr, str):
        return csr
    if wellformed_uuid(token) is None:
        return unfit("token", "must be a UUID")
    return await _redeem(request, token, csr)


async def _redeem(request: Request, token: str, csr: str | bytes) -> Response:
    if not accepts_json(request):
        return refused_as("UNSUPPORTED_MEDIA", "The answer is JSON: accept application/json.")
    services = services_of(request)
    presented = Presented(Secret(token), kind=Kind.ONE_TIME_JWT)
    verb = Redeem(presented, DeviceReport(), parse(csr))
    outcome = await services.perform(verb, stranger(request))
    if isinstance(outcome, Refusal):
        return refused(outcome)
    certificate = outcome.value.certificate
    chain = certificate + services.tools.authority.intermediate_of(certificate)
    return answered({"cert": chain})


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


ROUTES: Final[tuple[Offered, ...]] = (
    ("/enroll", "POST", _enroll),
    ("/enroll/ott", "POST", _enroll_ott),
)
