"""How the tests of `enlist doctor` speak: a ground to examine, and what one check finds on it."""

from __future__ import annotations

import contextlib
import functools
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from enlist.core.clock import DAY, system_clock
from enlist.core.diagnosis import Finding, Level
from enlist.datafolder import write_secret
from enlist.keyfolder import load
from enlist.pki import keys
from enlist.settings import Settings
from enlist.wiring.doctor import CHECKS, run
from enlist.wiring.doctor.check import Ground
from tests.peers.pki import Pair

DURABILITY = ("postgres-fsync", "postgres-commit", "postgres-pages")
FOLDER = ("data-readable", "data-folder", "keys-present", "keys-private", "keys-owner")
STEPS = ("mail-reachable", "mail-certificate", "mail-login", "mail-sender")
ANSWERING = ("server-running", "public-answers", "device-answers", "pki-answers", "server-version")
"""Checks that tests run by their names, one after the other."""


def find(ground: Ground, name: str) -> Finding:
    """What the check of that name finds."""
    (check,) = [check for check in CHECKS if check.name == name]
    return run(check, ground)


def well(ground: Ground, name: str) -> Finding:
    """The check finds nothing amiss."""
    found = find(ground, name)
    assert found.level is Level.OK, found
    assert not found.remedy
    return found


def amiss(ground: Ground, name: str, *, level: Level = Level.PROBLEM, says: str = "") -> Finding:
    """The check finds it, says so in these words, and what to do."""
    found = find(ground, name)
    assert found.level is level, found
    assert says in found.found, found
    assert found.remedy
    return found


def left_out(ground: Ground, name: str) -> Finding:
    """The check does not apply."""
    found = find(ground, name)
    assert found.level is Level.SKIPPED, found
    return found


def changed(ground: Ground, **settings: Any) -> Ground:
    """The same ground with other settings."""
    return Ground(
        ground.settings.model_copy(update=settings),
        ground.server,
        ground.environment,
        ground.clock,
        ground.mounts,
    )


def certified(data: Path, folder: Path, *names: str, lasts: int = 300 * DAY) -> Pair:
    """A certificate of the installation's own authority from now on, and its key, as files."""
    folder.mkdir(exist_ok=True)
    key = keys.new_signing_key()
    issued = load(data).authority.issue_server(list(names), key, system_clock(), lasts)
    pair = Pair(folder / f"{names[0]}.pem", folder / f"{names[0]}.key")
    pair.certificate.write_text(issued.pem + load(data).authority.issuing_pem)
    write_secret(pair.key, keys.to_pem(key))
    return pair


class _Pages(http.server.BaseHTTPRequestHandler):
    """Answers every GET with what it was given, or with 404."""

    def __init__(self, pages: dict[str, bytes], *rest: Any) -> None:
        self._pages = pages
        super().__init__(*rest)

    def do_GET(self) -> None:
        page = self._pages.get(self.path)
        self.send_response(404 if page is None else 200)
        self.end_headers()
        self.wfile.write(page or b"no such page")

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def site(pages: dict[str, bytes], pair: Pair | None = None, port: int = 0) -> Iterator[str]:
    """Something else that answers at an address of loopback; its address."""
    handler = functools.partial(_Pages, pages)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"{'https' if pair else 'http'}://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def settings_of(data: Path, **more: Any) -> Settings:
    """Settings of a folder, and nothing from this machine's environment."""
    return Settings(data=data, **more)
