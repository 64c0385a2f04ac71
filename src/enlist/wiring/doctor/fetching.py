"""Asking an address as a client would: briefly, without proxies of this machine's environment."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from enlist.wiring.shown import PATIENCE, unjudged


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


def judged(more: Path | None) -> ssl.SSLContext:
    """TLS as browsers speak it: with whom this machine's list vouches for.

    Args:
        more: an authority to trust besides.

    Raises:
        OSError: it cannot be read.
    """
    context = ssl.create_default_context()
    if more is not None:
        context.load_verify_locations(more)
    return context


def own_address(url: str) -> str:
    """The address from which this machine speaks to that one.

    Raises:
        OSError: nobody answers.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with socket.create_connection((parts.hostname or "", port), timeout=PATIENCE) as connection:
        return str(connection.getsockname()[0])
