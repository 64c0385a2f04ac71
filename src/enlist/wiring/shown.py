"""Which certificate an address shows, seen as its clients see it."""

from __future__ import annotations

import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

PATIENCE: Final = 5.0
"""Seconds for connecting and for each answer."""


def unjudged() -> ssl.SSLContext:
    """TLS with anybody. Whether a certificate is right is another question."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def certificate_at(url: str, context: ssl.SSLContext) -> x509.Certificate:
    """The certificate that an HTTPS address shows to who asks for its host's name.

    Args:
        context: which certificates are good enough to be looked at.

    Raises:
        ssl.SSLCertVerificationError: this one is not.
        OSError: nobody answers, or not with TLS.
    """
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    with (
        socket.create_connection((host, parts.port or 443), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
