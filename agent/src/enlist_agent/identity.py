"""What an enrolled device proves itself with, and whom it trusts when it does."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

from cryptography import x509

from enlist_agent.state import CERTIFICATE, CHAIN, EXTRA_CA, KEY, StateDirectory
from enlist_agent.trust import only, read_ca
from enlist_agent.unreadable import UNREADABLE


def leaf_of(folder: StateDirectory) -> x509.Certificate:
    """The device's certificate.

    Raises:
        UsageError: the file holds none.
    """
    try:
        return x509.load_pem_x509_certificate((folder.text(CERTIFICATE) or "").encode())
    except UNREADABLE:
        raise folder.damaged(CERTIFICATE) from None


def renewal_due(leaf: x509.Certificate) -> datetime:
    """When a certificate should be renewed: two thirds of its life leave one for what fails."""
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return start + (end - start) * 2 / 3


def device_tls(folder: StateDirectory, ca: Path | None = None) -> ssl.SSLContext:
    """TLS with the device listener, which the CA vouches for that signed our certificate.

    Args:
        ca: a file with further CAs; those that were kept at enrollment when None.

    Raises:
        UsageError: the files are damaged, or do not belong together.
    """
    extra = read_ca(ca) if ca else folder.text(EXTRA_CA) or ""
    try:
        context = only((folder.text(CHAIN) or "") + extra)
    except (OSError, ValueError):
        raise folder.damaged(CHAIN) from None
    try:
        context.load_cert_chain(folder.path / CERTIFICATE, folder.path / KEY)
    except (OSError, ValueError):
        raise folder.damaged(KEY) from None
    return context
