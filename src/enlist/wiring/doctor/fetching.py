"""Asking an address as a client would: briefly, without proxies of this machine's environment."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2
from cryptography import x509

PATIENCE: Final = 5.0
"""Seconds for connecting and for each answer."""


def unjudged() -> ssl.SSLContext:
    """TLS with anybody. Whether a certificate is right is a check of its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fetch(
    url: str, *, context: ssl.SSLContext | None = None, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """What a GET of that address answers; redirects are not followed.

    Raises:
        httpx2.HTTPError: nobody answers.
    """
    with httpx2.Client(
        timeout=PATIENCE, trust_env=False, verify=context or unjudged(), headers=headers
    ) as client:
        return client.get(url)


def certificate_at(url: str, more: Path | None) -> x509.Certificate:
    """The certificate that an HTTPS address shows.

    Args:
        more: an authority to trust besides this machine's own list.

    Raises:
        ssl.SSLCertVerificationError: a browser would refuse it.
        OSError: nobody answers, or not with TLS.
    """
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    context = ssl.create_default_context()
    if more is not None:
        context.load_verify_locations(more)
    with (
        socket.create_connection((host, parts.port or 443), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")


def own_address(url: str) -> str:
    """The address from which this machine speaks to that one.

    Raises:
        OSError: nobody answers.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with socket.create_connection((parts.hostname or "", port), timeout=PATIENCE) as connection:
        return str(connection.getsockname()[0])
