"""Enrolling with a one-time JWT: its `jti` and a certificate request come in, a chain goes out.

The token stands in the query because clients put it there; no log keeps a query (D44-D55).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Kind, Secret, wellformed_uuid
from enlist.pki.csr import parse
from enlist.pki.listener import METHOD
from enlist.store.redemptions import DeviceReport
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.repeating import Enrolled
from enlist.web.callers import services_of
from enlist.web.hot import Hot
from enlist.web.protocols.openziti.bodies import text_of, unfit
from enlist.web.protocols.openziti.envelopes import accepts_json, answered, refused, refused_as
from enlist.web.protocols.openziti.paths import Offered
from enlist.web.reading import read_json


def _ask_by_query(request: Request, body: bytes) -> Redeem | Response:
    """`POST /enroll?method=ott&token=…`; the body is a request in PEM, or JSON around it (D46)."""
    asked = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    if asked.get("method", METHOD) != METHOD:
        return refused_as(
            "INVALID_ENROLL_METHOD",
            f"Only the method {METHOD!r} is offered here. Ask your administrator for a JWT.",
        )
    token = asked.get("token", "")
    if _media_type(request) != "application/json":
        return _verb(request, token, body)
    value = read_json(body)
    if isinstance(value, Refusal):
        return refused(value)
    if wellformed_uuid(token) is None:
        return unfit("token", "must be a UUID")
    csr = text_of(value, "clientCsr")
    return _verb(request, token, csr) if isinstance(csr, str) else csr


def _ask_json(request: Request, body: bytes) -> Redeem | Response:
    """`POST /enroll/ott`: token and request, both in JSON."""
    value = read_json(body)
    if isinstance(value, Refusal):
        return refused(value)
    token, csr = text_of(value, "token"), text_of(value, "clientCsr")
    if not isinstance(token, str):
        return token
    if not isinstance(csr, str):
        return csr
    if wellformed_uuid(token) is None:
        return unfit("token", "must be a UUID")
    return _verb(request, token, csr)


def _verb(request: Request, token: str, csr: str | bytes) -> Redeem | Response:
    if not accepts_json(request):
        return refused_as("UNSUPPORTED_MEDIA", "The answer is JSON: accept application/json.")
    presented = Presented(Secret(token), kind=Kind.ONE_TIME_JWT)
    return Redeem(presented, DeviceReport(), parse(csr))


def _answer(request: Request, outcome: Done[Enrolled] | Refusal) -> Response:
    if isinstance(outcome, Refusal):
        return refused(outcome)
    certificate = outcome.value.certificate
    authority = services_of(request).tools.authority
    return answered({"cert": certificate + authority.intermediate_of(certificate)})


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


HOT: Final = {
    "/enroll": Hot(_ask_by_query, _answer),
    "/enroll/ott": Hot(_ask_json, _answer),
}
"""A thousand devices may come at once."""

ROUTES: Final[tuple[Offered, ...]] = tuple((path, "POST", hot) for path, hot in HOT.items())
