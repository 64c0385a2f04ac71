"""`/pki/ocsp`: how a single certificate stands, by POST or GET (RFC 6960 appendix A)."""

from __future__ import annotations

import functools
from base64 import b64decode
from typing import Final

import anyio.to_thread
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from enlist.web.callers import services_of

ANSWERED: Final = Counter("enlist_ocsp_answers_total", "OCSP answers, by what they say.", ["told"])
for _told in ("good", "revoked", "unknown", "malformed_request", "unauthorized", "try_later"):
    ANSWERED.labels(_told)


def routes() -> list[BaseRoute]:
    """Routes below `/pki/ocsp`."""
    return [
        Route("/pki/ocsp", _posted, methods=["POST"]),
        Route("/pki/ocsp/{rest:path}", _got),
    ]


async def _posted(request: Request) -> Response:
    return await _answer(request, await request.body())


async def _got(request: Request) -> Response:
    """The request stands in the address, in base64."""
    try:
        der = b64decode(request.path_params["rest"], validate=True)
    except ValueError:
        der = b""
    return await _answer(request, der)


async def _answer(request: Request, der: bytes) -> Response:
    services = services_of(request)
    ask = functools.partial(services.revocation_answers.answer, der)
    answer = await anyio.to_thread.run_sync(ask, limiter=services.threads)
    ANSWERED.labels(answer.told).inc()
    return Response(answer.der, media_type="application/ocsp-response")
