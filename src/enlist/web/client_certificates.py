"""The certificate that a client proved to hold in its TLS handshake, here or at a gateway.

A gateway names it in `Client-Cert`: as RFC 9440 has it, or as nginx writes PEM into a header. It is
one header for all gateways, which each of them must set at every request: another one would come
through as the client wrote it.
"""

from __future__ import annotations

import re
import ssl
from base64 import b64decode
from typing import Final
from urllib.parse import unquote

from starlette.requests import HTTPConnection

from enlist.core.outcomes import Refusal
from enlist.core.secrets import support_code
from enlist.pki.chain import DeviceCertificate, Flawed, examine
from enlist.web.callers import services_of
from enlist.web.services import Services

FORWARDED: Final = "client-cert"

_BYTES: Final = re.compile(r":([A-Za-z0-9+/]+={0,2}):")
"""A byte sequence (RFC 8941 section 3.3.5)."""
_PEM: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?"
)


def client_certificate(request: HTTPConnection) -> bytes | None:
    """That certificate (DER), as the device listener puts it into the scope; None where none is."""
    tls = request.scope.get("extensions", {}).get("tls", {})
    certificate: bytes | None = tls.get("client_certificate")
    return certificate


def forwarded_certificate(request: HTTPConnection) -> bytes | None:
    """The one that a gateway names (DER); None for none, for several, and for anything else (TP32).

    Whether the gateway may be believed, and what the certificate is worth, the caller must see.
    """
    values = request.headers.getlist(FORWARDED)
    return _certificate(values[0].strip()) if len(values) == 1 else None


def shown(request: HTTPConnection) -> DeviceCertificate | Refusal:
    """The device's certificate of the request's connection.

    Refusals: `unauthenticated` where there is none, or none that is ours and good.
    """
    return accepted(client_certificate(request), services_of(request))


def accepted(der: bytes | None, services: Services) -> DeviceCertificate | Refusal:
    """A device's certificate, wherever it was shown; refusals as for `shown`."""
    found = examine(der, services.tools.authority, services.tools.clock())
    if isinstance(found, Flawed):
        return Refusal("unauthenticated", support_code=support_code())
    return found


def _certificate(text: str) -> bytes | None:
    try:
        if (encoded := _BYTES.fullmatch(text)) is not None:
            return b64decode(encoded[1], validate=True)
        pem = unquote(text)
        return ssl.PEM_cert_to_DER_cert(pem) if _PEM.fullmatch(pem) else None
    except ValueError:
        return None
