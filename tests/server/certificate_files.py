"""Certificate files under a running server: put, replaced, and seen from outside."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.peers.base import DEADLINE
from tests.peers.pki import Pair

PATIENT = """
from enlist.web import serving
serving.LOOK_EVERY = 3600
from enlist.wiring import main
main()
"""
"""A server that looks for new files only when it is told to."""

EAGER = PATIENT.replace("3600", "0.2")


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.port is not None
    return "127.0.0.1", parts.port


@contextmanager
def connected(url: str) -> Iterator[ssl.SSLSocket]:
    """A TLS connection that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(address(url), timeout=DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        yield connection


def shown(url: str) -> str:
    """The fingerprint of the certificate that a new connection sees."""
    with connected(url) as connection:
        return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()


def put(new: Pair, files: Pair) -> None:
    replace(new.key, files.key)
    replace(new.certificate, files.certificate)


def replace(new: Path, old: Path) -> None:
    """Put a file in the place of another, unless they are alike: nobody sees half of it, or sees
    the same twice.
    """
    if not old.exists() or old.read_bytes() != new.read_bytes():
        fresh = old.with_suffix(".new")
        shutil.copy(new, fresh)
        fresh.replace(old)
