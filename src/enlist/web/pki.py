"""The authority's public side: CA certificates and the revocation list, for whoever checks.

Served over plain HTTP as well (ruling 36): a client that checks a certificate cannot check
another one first.
"""

from __future__ import annotations

import ssl

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from enlist.web.callers import services_of


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
    current = services.revocation_list.current
    der = await anyio.to_thread.run_sync(current, limiter=services.threads)
    return _file(der, "application/pkix-crl", "public, max-age=60")


def _file(content: bytes, media_type: str, caching: str = "public, max-age=3600") -> Response:
    return Response(content, media_type=media_type, headers={"cache-control": caching})
