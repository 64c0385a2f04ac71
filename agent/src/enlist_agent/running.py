"""Staying connected: one session after another, and a renewal in between when it is time.

Only the server can end this for good, by saying that the certificate counts no more. Whatever else
goes wrong passes or is mended by somebody, and the agent comes back: soon at first, then more
seldom, and never at the same moment as all others.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from enlist_agent.address import server_address
from enlist_agent.client import Patience, Server
from enlist_agent.identity import device_tls, leaf_of, renewal_due
from enlist_agent.outcomes import (
    HandshakeError,
    Refusal,
    UnreachableError,
    UnusableError,
    UsageError,
)
from enlist_agent.renewal import renew
from enlist_agent.session import Ended, Session, connected
from enlist_agent.standing import TOLD, Standing, said
from enlist_agent.state import Kept, StateDirectory

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
BLOCKED_PAUSE: Final = 300.0
"""Seconds; a blocked device may be let in again any time, but nobody waits for it."""
STEADY: Final = 30.0
"""Seconds that a session must have lasted for the next try to come soon again."""
RENEW_AGAIN: Final = timedelta(hours=1)
"""Between two renewals, whatever came of the first. A third of a certificate's life is left for
many tries; and to a clock that is far ahead each new certificate is old at once."""
OVER: Final = frozenset({Standing.REVOKED, Standing.EXPIRED, Standing.UNENROLLED})
"""What no waiting mends: the device needs a new enrollment."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Stopped:
    """The device's certificate counts no more."""

    standing: Standing
    told: str


@dataclass
class Run:
    """Keep this device connected until its certificate counts no more.

    Attributes:
        state: the directory given to `Enroll`.
        device_url: the device listener's address; by default the one learned at enrollment.
        ca: a PEM file with further certificates to trust.
        notice: told in a line whatever happens.
        clock: the present moment, with its zone.
        pause: waits some seconds.
    """

    state: Path
    device_url: str | None = None
    ca: Path | None = None
    notice: Callable[[str], object] = lambda _: None
    clock: Callable[[], datetime] = _now
    pause: Callable[[float], object] = time.sleep
    _next_pause: float = field(default=FIRST_PAUSE, init=False)
    _renew_after: datetime | None = field(default=None, init=False)

    def run(self) -> Stopped | Refusal:
        """Go on until there is no way to.

        Raises:
            UsageError: an argument must be changed, the state directory is damaged, or another
                process runs on it.
        """
        folder = StateDirectory(self.state)
        kept = folder.read()
        if kept is None:
            told = f"{self.state} holds no enrolled device"
            return Refusal("not_enrolled", told, "Check --state, or enroll first.")
        address = self._address(kept)
        with folder.alone():
            while True:
                if self._due(folder):
                    self._renew(folder, address)
                stopped = self._once(folder, address)
                if stopped is not None:
                    return stopped

    def _address(self, kept: Kept) -> str:
        given = self.device_url or kept.device_url
        if not given:
            raise UsageError("No device listener is known; give --device-url.")
        return server_address(given)

    # --- one session ----------------------------------------------------------------------

    def _once(self, folder: StateDirectory, address: str) -> Stopped | None:
        """One session from its beginning to its end, or one try at it."""
        patience = Patience(10.0)
        try:
            with folder.settled(patience):
                server = Server(address, device_tls(folder, self.ca), patience)
        except UnusableError as trouble:
            self._wait(str(trouble))
            return None
        ended: Ended | Refusal | None
        try:
            with connected(server, folder) as session:
                if isinstance(session, Session):
                    self.notice(f"Connected to {address} (session {session.id}).")
                    ended = self._keep(session, folder)
                else:
                    ended = session
        except UnreachableError as trouble:
            return self._unreachable(folder, trouble)
        return None if ended is None else self._ended(server, ended)

    def _keep(self, session: Session, folder: StateDirectory) -> Ended | None:
        began = time.monotonic()
        try:
            return session.keep(lambda: self._due(folder))
        finally:
            if time.monotonic() - began > STEADY:
                self._next_pause = FIRST_PAUSE

    def _unreachable(self, folder: StateDirectory, trouble: UnreachableError) -> Stopped | None:
        # Where TLS alone says no, our certificate's end is the likeliest reason.
        over = leaf_of(folder).not_valid_after_utc <= self.clock()
        if over and isinstance(trouble, HandshakeError):
            return Stopped(Standing.EXPIRED, TOLD[Standing.EXPIRED])
        self._wait(str(trouble))
        return None

    def _ended(self, server: Server, ended: Ended | Refusal) -> Stopped | None:
        if isinstance(ended, Ended) and not ended.refused:
            self._wait(f"The session ended ({ended.reason}).")
            return None
        standing, told = self._judged(server, ended)
        if standing in OVER:
            return Stopped(standing, told)
        if standing is Standing.BLOCKED:
            self._next_pause = BLOCKED_PAUSE
        told = f"The session ended; {told}" if isinstance(ended, Ended) else f"Not let in. {told}"
        self._wait(told)
        return None

    def _judged(self, server: Server, ended: Ended | Refusal) -> tuple[Standing, str]:
        """What the server says of this device; it can say more than a closing word does."""
        if isinstance(ended, Refusal):
            return said(ended)
        with suppress(UnreachableError):
            found = said(server.ask("GET", "/device"))
            if found[0] is not Standing.REFUSED:
                return found
        standing, told = said(Refusal(ended.reason, ended.reason))
        return standing, TOLD.get(standing, told)

    def _wait(self, told: str) -> None:
        """Say what happened, and wait at least half of a pause that grows with each failure."""
        pause = self._next_pause
        self._next_pause = min(pause * 2, LONGEST_PAUSE)
        seconds = secrets.SystemRandom().uniform(pause / 2, pause)
        self.notice(f"{told} Connecting again in {round(seconds, 1):g} s.")
        self.pause(seconds)

    # --- renewal --------------------------------------------------------------------------

    def _due(self, folder: StateDirectory) -> bool:
        now = self.clock()
        if self._renew_after is not None and now < self._renew_after:
            return False
        return folder.unconfirmed() or renewal_due(leaf_of(folder)) <= now

    def _renew(self, folder: StateDirectory, address: str) -> None:
        """Try once; whatever comes of it, the session goes on with the certificate that counts."""
        self._renew_after = self.clock() + RENEW_AGAIN
        try:
            outcome = renew(folder, address, self.ca, Patience(notice=self.notice))
        except (UnreachableError, UnusableError) as trouble:
            told = str(trouble)
        else:
            if isinstance(outcome, datetime):
                self.notice(f"Renewed the certificate: it is good until {outcome:%Y-%m-%d %H:%M}Z.")
                return
            told = str(outcome)
        self.notice(f"The certificate could not be renewed. {told}")
