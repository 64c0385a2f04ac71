"""The authority's public side: CA certificates and the revocation list, for whoever checks.

Served over plain HTTP as well (ruling 36): a client that checks a certificate cannot check
another one first.
"""

from __future__ import annotations

import functools
import hashlib
import ssl
from typing import Final

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from enlist.web import ocsp
from enlist.web.callers import services_of

_ASK: Final = "public, no-cache"


def routes() -> list[BaseRoute]:
    """Routes below `/pki`."""
    return [
        Route("/pki/root.cer", _root),
        Route("/pki/root.pem", _root_pem),
        Route("/pki/issuing.cer", _issuing),
        Route("/pki/issuing.crl", _crl),
        Route("/pki/issuing-{issuer}.cer", _issuing),
        Route("/pki/issuing-{issuer}.crl", _crl),
        *ocsp.routes(),
    ]


async def _root(request: Request) -> Response:
    der = ssl.PEM_cert_to_DER_cert(services_of(request).tools.authority.root_pem)
    return _file(der, "application/pkix-cert")


async def _root_pem(request: Request) -> Response:
    pem = services_of(request).tools.authority.root_pem
    return _file(pem.encode(), "application/x-pem-file")


async def _issuing(request: Request) -> Response:
    """One issuing CA: the first, or the one that its certificates name."""
    named = request.path_params.get("issuer", "")
    for each in services_of(request).tools.authority.issuers:
        if each.id == named:
            return _file(ssl.PEM_cert_to_DER_cert(each.issuing_pem), "application/pkix-cert")
    raise HTTPException(404)


async def _crl(request: Request) -> Response:
    """The list of one issuing CA, named likewise."""
    services = services_of(request)
    named = request.path_params.get("issuer", "")
    current = functools.partial(services.revocation_list.current, named)
    der = await anyio.to_thread.run_sync(current, limiter=services.threads)
    if der is None:
        raise HTTPException(404)
    # A cache may keep it, and must ask each time whether it is still the newest: a list that is a
    # minute old lets in for a minute who was just reset.
    tag = f'"{hashlib.sha256(der).hexdigest()[:32]}"'
    known = request.headers.get("if-none-match", "")
    if tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=304, headers={"cache-control": _ASK, "etag": tag})
    response = _file(der, "application/pkix-crl", _ASK)
    response.headers["etag"] = tag
    return response


def _file(content: bytes, media_type: str, caching: str = "public, max-age=3600") -> Response:
    return Response(content, media_type=media_type, headers={"cache-control": caching})
