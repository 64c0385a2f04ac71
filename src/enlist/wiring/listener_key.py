"""The key of the device listener while the server runs: one-time JWTs are believed by it alone.

Somebody may put another key into the data folder, and then every JWT that is out is dead (D37). Or
the device URL may lead to something else: a proxy that ends TLS, a server with another folder. Then
no JWT that is made here works at all (D38). Clients do not tell; older ones hang. So we ask.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from enlist.core.faults import Unusable
from enlist.core.outcomes import Refusal
from enlist.pki.listener import ListenerIdentity
from enlist.store.tx import StoreUnavailable
from enlist.verbs.listener_key import NoteListenerKey
from enlist.wiring.backend import at_this_machine
from enlist.wiring.background import Background
from enlist.wiring.certificates import DEVICE_LISTENER
from enlist.wiring.installation import Installation
from enlist.wiring.shown import certificate_at, unjudged

LOOK_EVERY: Final = 5.0
"""Seconds between two looks whether there is another key, and at an address that shows one."""
ASK_EVERY: Final = 60.0
"""Seconds between two looks at an address where all was well."""
_AT_FIRST: Final = 1.0

_log = structlog.get_logger("enlist.listener_key")


def note(installation: Installation) -> None:
    """Write down which key is shown, and say it where it is another one than before (D37)."""
    useless = installation.driver.perform(NoteListenerKey(), at_this_machine(installation))
    if not isinstance(useless, Refusal) and useless.value:
        _log.warning(
            "the device listener has another key",
            jwts=useless.value,
            therefore="one-time JWTs that are out are useless: send or download them again",
            listed_by="enlist enrollment list --grant one_time_jwt --state active",
        )


class AnotherKey(Background):
    """A thread that notices when the key is replaced under a running server."""

    def __init__(self, installation: Installation, data: Path) -> None:
        super().__init__("listener-key", first=LOOK_EVERY)
        self._installation = installation
        self._file = data / "pki" / f"{DEVICE_LISTENER}.key"
        self._seen: tuple[int, ...] | None = None

    def _again(self) -> float:
        with contextlib.suppress(StoreUnavailable):  # the readiness check says so itself
            self.look()
        return LOOK_EVERY

    def look(self) -> None:
        """Say it once; of a key that cannot be used likewise. A missing one is made anew."""
        mark = self._mark()
        if mark == self._seen:
            return
        try:
            note(self._installation)
        except (OSError, ValueError, Unusable) as error:
            _log.error("the device listener's key cannot be used", error=str(error))
        self._seen = mark

    def _mark(self) -> tuple[int, ...]:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return ()
        return found.st_mtime_ns, found.st_ino


class ShownKey(Background):
    """A thread that asks the device URL, as a client would, which key it shows.

    Where nobody answers nothing is known: a server need not reach its own public address.
    """

    def __init__(self, url: str, listener: Callable[[], ListenerIdentity]) -> None:
        super().__init__("shown-key", first=_AT_FIRST)
        self._url = url
        self._listener = listener
        self._trusting = unjudged()
        self._another = False

    def why_not_ready(self) -> str:
        """The reason to take no traffic; "" while there is none."""
        return "device_key" if self._another else ""

    def _again(self) -> float:
        self.look()
        return LOOK_EVERY if self._another else ASK_EVERY

    def look(self) -> None:
        """Ask, and say what has changed."""
        try:
            shown = certificate_at(self._url, self._trusting)
            another = shown.public_key() != self._listener().key.public_key()
        except (OSError, ValueError, Unusable) as error:
            _log.debug("the device URL shows nothing", url=self._url, error=str(error))
            another = False
        if another and not self._another:
            _log.error(
                "the device URL shows the certificate of another key: devices believe no JWT",
                url=self._url,
                therefore="let TLS end in Enlist, and give all its servers the same data folder",
            )
        elif self._another and not another:
            _log.info("the device URL shows no other key any more", url=self._url)
        self._another = another
