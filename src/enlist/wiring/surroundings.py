"""What a server process tells of itself and its machine, for the picture of the installation."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from enlist import __version__
from enlist.core.diagnosis import Finding
from enlist.core.infrastructure import CHECKED, Surroundings
from enlist.settings import Settings
from enlist.wiring.beside import ServerNotes

_EVERY: Final = 60.0
"""Seconds after which a check is made again, as long as somebody looks."""


class Around:
    """Asked by every page that shows the picture: what costs something is remembered.

    Args:
        web_speaks: see `Plan.line`.
        mailbox: whether messages are kept in memory, as in the demo.
    """

    def __init__(self, settings: Settings, web_speaks: str, *, mailbox: bool) -> None:
        self._settings = settings
        self._web_speaks = web_speaks
        self._mailbox = mailbox
        self._lock = threading.Lock()
        self._findings: Mapping[str, Finding] = {}
        self._until = 0.0

    def __call__(self) -> Surroundings:
        settings = self._settings
        return Surroundings(
            web=settings.http,
            web_speaks=self._web_speaks,
            device=settings.device,
            database=_database(settings),
            email="the demo's mailbox" if self._mailbox else _mail_server(settings),
            sms="" if self._mailbox else _gateway(settings),
            processes=settings.workers,
            findings=self._examined(),
        )

    def _examined(self) -> Mapping[str, Finding]:
        # Whoever comes while another one looks waits for what that one finds.
        with self._lock:
            if time.monotonic() >= self._until:
                self._findings = self._examine()
                self._until = time.monotonic() + _EVERY
            return self._findings

    def _examine(self) -> Mapping[str, Finding]:
        from enlist.wiring import doctor
        from enlist.wiring.doctor.check import Ground

        wanted = {name for names in CHECKED.values() for name in names}
        if self._mailbox:
            wanted.discard("backup")  # nobody keeps a demo
        notes = ServerNotes(__version__, os.getpid(), self._mailbox)
        ground = Ground(self._settings, notes, os.environ)
        try:
            checks = [each for each in doctor.CHECKS if each.name in wanted]
            return {each.name: doctor.run(each, ground) for each in checks}
        finally:
            ground.close()


def _database(settings: Settings) -> str:
    if not settings.database:
        return str(settings.sqlite_path)
    from enlist.store.addresses import place

    found = place(settings.database)
    host = found.get("host", "this machine")
    port = f":{found['port']}" if "port" in found else ""
    return f"{host}{port}/{found.get('dbname', '')}".rstrip("/")


def _mail_server(settings: Settings) -> str:
    smtp = settings.smtp
    spoken = {"none": "unprotected", "starttls": "STARTTLS"}.get(smtp.security, "TLS")
    return f"{smtp.host}:{smtp.effective_port}, {spoken}" if smtp.host else ""


def _gateway(settings: Settings) -> str:
    # The address itself may carry a password.
    host = urlsplit(settings.sms.url).hostname or ""
    return ", ".join(part for part in (settings.sms.driver, host) if part)
