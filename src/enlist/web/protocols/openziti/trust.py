"""What a client asks before it trusts anybody: which version this is, and which CAs there are."""

from __future__ import annotations

import base64
import textwrap
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from enlist.web.callers import services_of
from enlist.web.protocols.openziti.envelopes import answered
from enlist.web.protocols.openziti.paths import PREFIX, Offered

VERSION: Final = "v1.6.0"
"""Of the API that is served, not of Enlist: newer clients decide by it what they may ask."""

_COLUMNS: Final = 64
"""One client reads no longer lines of base64, and ends without a word on one without an end."""


async def _version(request: Request) -> Response:
    """Where the client API is. No `OIDC_AUTH` is among what it can do (D41)."""
    base = f"{services_of(request).tools.addresses.device_url}{PREFIX}"
    edge = {"v1": {"path": PREFIX, "apiBaseUrls": [base]}}
    return answered(
        {
            "version": VERSION,
            "revision": "",
            "buildDate": "",
            "runtimeVersion": "",
            "capabilities": [],
            "apiVersions": {"edge": edge, "edge-client": edge},
        }
    )


async def _cacerts(request: Request) -> Response:
    """The root and every issuing CA (RFC 7030 section 4.1.3), for which no one is asked (D42)."""
    der = services_of(request).tools.authority.certificates_pkcs7()
    lines = textwrap.wrap(base64.b64encode(der).decode(), _COLUMNS)
    return Response(
        "".join(f"{line}\n" for line in lines),
        headers={"content-transfer-encoding": "base64"},
        media_type="application/pkcs7-mime",
    )


ROUTES: Final[tuple[Offered, ...]] = (
    ("/version", "GET", _version),
    ("/.well-known/est/cacerts", "GET", _cacerts),
)
