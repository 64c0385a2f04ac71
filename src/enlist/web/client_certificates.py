"""The certificate that a client proved to hold in its TLS handshake."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def client_certificate(request: HTTPConnection) -> bytes | None:
    """That certificate (DER), as the device listener puts it into the scope; None where none is."""
    tls = request.scope.get("extensions", {}).get("tls", {})
    certificate: bytes | None = tls.get("client_certificate")
    return certificate
