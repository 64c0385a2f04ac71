"""`/sms/reports/…`: an SMS gateway tells what became of a message.

Gateways ask by GET as well as by POST, so here alone looking changes something: the address is told
to the gateway and to nobody else, and its query holds a key that nobody can guess (`report_keys`).
Whoever lacks the key, or the signature where a gateway signs, gets what any address gets that does
not exist. Whoever has both gets one answer, whatever he reports, so that he does not repeat it.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from enlist.delivery.channels.sms import Incoming, NotFromGateway
from enlist.delivery.lookups import ascii_url, report_url
from enlist.verbs.delivery_reports import RecordReport
from enlist.verbs.report_keys import is_key
from enlist.web.callers import services_of, stranger

_MOST_FIELDS = 100
Fields = tuple[tuple[str, str], ...]


def routes() -> list[BaseRoute]:
    """The route of the web listener."""
    return [Route("/sms/reports/{id}", _report, methods=["GET", "POST"])]


async def _report(request: Request) -> Response:
    services = services_of(request)
    gateway = services.sms_gateway
    message_id, key = request.path_params["id"], request.query_params.get("key", "")
    if gateway is None or not is_key(services.tools.keys, message_id, key):
        raise HTTPException(404)
    try:
        report = gateway.report(await _incoming(request, message_id))
    except NotFromGateway:
        raise HTTPException(404) from None
    if report is not None and request.method != "HEAD":
        verb = RecordReport(message_id, report.delivered, report.reason)
        await services.perform(verb, stranger(request))
    # Not 204: there are gateways to which nothing but 200 means that they were heard.
    return Response(status_code=200)


async def _incoming(request: Request, message_id: str) -> Incoming:
    query = request.scope["query_string"].decode("latin-1")
    public_url = ascii_url(services_of(request).public_url)
    return Incoming(
        url=report_url(public_url, f"{message_id}?{query}"),
        asked=tuple(pair for pair in _pairs(query) if pair[0] != "key"),
        posted=_fields(request.headers.get("content-type", ""), await request.body()),
        signature=request.headers.get("x-twilio-signature", ""),
    )


def _fields(content_type: str, body: bytes) -> Fields:
    """The fields of a form or of a flat JSON object; none where it is neither."""
    text = body.decode("utf-8", "replace")
    if not content_type.partition(";")[0].strip().lower().endswith("json"):
        return _pairs(text)
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    given = found.items() if isinstance(found, dict) else ()
    return tuple((name, str(value)) for name, value in given if isinstance(value, str | int))


def _pairs(text: str) -> Fields:
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return ()
