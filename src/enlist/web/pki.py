"""The authority's public side: CA certificates and the revocation list, for whoever checks.

Served over plain HTTP as well (ruling 36): a client that checks a certificate cannot check
another one first.
"""

from __future__ import annotations

import ssl
from typing import Final

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from enlist.core.clock import DAY, HOUR
from enlist.pki.revocation import build_crl
from enlist.store import credentials
from enlist.web.callers import services_of
from enlist.web.services import Services

CRL_LIFETIME: Final = DAY
_FRESH: Final = HOUR


def routes() -> list[BaseRoute]:
    """Routes below `/pki`."""
    return [
        Route("/pki/root.cer", _root),
        Route("/pki/root.pem", _root_pem),
        Route("/pki/issuing.cer", _issuing),
        Route("/pki/issuing.crl", _crl),
    ]


async def _root(request: Request) -> Response:
    der = ssl.PEM_cert_to_DER_cert(services_of(request).tools.authority.root_pem)
    return _file(der, "application/pkix-cert")


async def _root_pem(request: Request) -> Response:
    pem = services_of(request).tools.authority.root_pem
    return _file(pem.encode(), "application/x-pem-file")


async def _issuing(request: Request) -> Response:
    der = ssl.PEM_cert_to_DER_cert(services_of(request).tools.authority.issuing_pem)
    return _file(der, "application/pkix-cert")


async def _crl(request: Request) -> Response:
    services = services_of(request)
    der = await anyio.to_thread.run_sync(_current_list, services, limiter=services.threads)
    return _file(der, "application/pkix-crl", "public, max-age=60")


def _file(content: bytes, media_type: str, caching: str = "public, max-age=3600") -> Response:
    return Response(content, media_type=media_type, headers={"cache-control": caching})


_lists: dict[str, tuple[tuple[int, int], int, bytes]] = {}


def _current_list(services: Services) -> bytes:
    """The revocation list, made anew when something was revoked, or hourly."""
    now = services.tools.clock()
    mark = services.store.read(credentials.revoked_mark)
    name = services.tools.authority.issuing_pem
    cached = _lists.get(name)
    if cached is not None and cached[0] == mark and cached[1] > now - _FRESH:
        return cached[2]
    revoked = services.store.read(credentials.revoked)
    der = build_crl(services.tools.authority, revoked, now, CRL_LIFETIME)
    _lists[name] = (mark, now, der)
    return der
