"""A thread that tells a syslog receiver of every event; of many processes, one does at a time.

It reads what is sealed already, beside the requests: one who is slow or away holds up nobody.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import structlog
from prometheus_client import Gauge

from enlist.core.caller import SYSTEM
from enlist.core.clock import SECOND
from enlist.core.outcomes import Refusal
from enlist.delivery.syslog import Place, Syslog, frame, message_of
from enlist.settings import Settings
from enlist.store.tx import StoreUnavailable
from enlist.verbs.driver import Driver
from enlist.verbs.syslog import (
    ClaimSyslog,
    Further,
    FurtherEvents,
    LetGoOfSyslog,
    NoteLogged,
    Standing,
    receiver_id,
)
from enlist.wiring.background import Background
from enlist.wiring.installation import CannotStart

EVERY: Final = 0.5
"""Seconds between two looks at what was sealed."""

LAG: Final = Gauge(
    "enlist_syslog_lag_events",
    "Events in the sealed log that the syslog receiver was not told yet.",
    multiprocess_mode="mostrecent",
)
LAG_SECONDS: Final = Gauge(
    "enlist_syslog_lag_seconds",
    "Age of the oldest event that could not be sent to the syslog receiver; 0 for none.",
    multiprocess_mode="mostrecent",
)
_log = structlog.get_logger("enlist.syslog")


class SyslogThread(Background):
    """Sends what was sealed, and writes down how far it is sure that it was taken.

    Args:
        receiver: what the place reached is known by.
        personal: whether he is told names and addresses of people.
    """

    def __init__(
        self,
        driver: Driver,
        syslog: Syslog,
        receiver: str,
        *,
        personal: bool = True,
        every: float = EVERY,
    ) -> None:
        super().__init__("syslog", first=0.0)
        self._driver = driver
        self._syslog = syslog
        self._receiver = receiver
        self._host = driver.tools.addresses.mail_domain
        self._personal = personal
        self._every = every
        self._standing = Standing(place=-1, held=0, tries=0, end=-1)
        self._sent = -1

    def _again(self) -> float:
        try:
            return self._look()
        except StoreUnavailable as error:
            _log.warning("syslog put off", reason=str(error))
            self._drop()
        except OSError as error:
            _log.warning("syslog receiver not told", reason=str(error))
            self._drop()
            self._give_back(self._standing.tries + 1)
        return self._every

    def _last(self) -> None:
        with suppress(StoreUnavailable):  # the claim runs out by itself
            self._give_back(0)
        self._syslog.close()

    def _look(self) -> float:
        """Send some more; answers how long to rest."""
        if not self._standing.held and not self._claimed():
            return self._every
        further = self._driver.view(FurtherEvents(self._sent), SYSTEM)
        if isinstance(further, Refusal):
            return self._every
        self._measure(further)
        if further.items:
            self._syslog.send(self._frames(further), further.last)
            self._sent = further.last
        self._note()
        if not further.items and not self._syslog.unsettled:
            self._give_back(0)
        return 0.0 if further.last < further.end else self._every

    def _frames(self, further: Further) -> bytes:
        return b"".join(
            frame(message_of(each, self._host, personal=self._personal)) for each in further.items
        )

    def _claimed(self) -> bool:
        claimed = self._driver.perform(ClaimSyslog(self._receiver), SYSTEM)
        if isinstance(claimed, Refusal):
            return False
        self._standing = claimed.value
        self._sent = claimed.value.place
        LAG.set(claimed.value.end - claimed.value.place)
        if claimed.value.end == claimed.value.place:
            LAG_SECONDS.set(0)
        return bool(claimed.value.held)

    def _measure(self, further: Further) -> None:
        LAG.set(further.end - self._standing.place)
        now = self._driver.tools.clock()
        oldest = (now - further.items[0].event.at) / SECOND if further.items else 0
        LAG_SECONDS.set(max(0, oldest))

    def _note(self) -> None:
        """Write down what is settled; the claim is renewed with it."""
        settled = self._syslog.settled()
        if settled is None:
            return
        noted = self._driver.perform(
            NoteLogged(self._receiver, settled, self._standing.held), SYSTEM
        )
        held = 0 if isinstance(noted, Refusal) else noted.value
        self._standing = Standing(settled, held, 0, self._standing.end)
        if not held:
            self._drop()

    def _give_back(self, tries: int) -> None:
        if self._standing.held:
            held = self._standing.held
            self._driver.perform(LetGoOfSyslog(self._receiver, held, tries), SYSTEM)
        self._standing = Standing(self._standing.place, 0, tries, self._standing.end)

    def _drop(self) -> None:
        """The connection is no more: what had not settled is sent again."""
        self._syslog.close()
        self._sent = self._standing.place


def syslog(driver: Driver, settings: Settings) -> tuple[Background, ...]:
    """The thread, where the settings name a receiver.

    Raises:
        CannotStart: the file with the authority cannot be used.
    """
    if not settings.syslog:
        return ()
    receiver = receiver_id(settings.syslog)
    return (SyslogThread(driver, reached(settings), receiver, personal=settings.syslog_personal),)


def reached(settings: Settings) -> Syslog:
    """The receiver that the settings name.

    Raises:
        CannotStart: a file that they name cannot be used.
    """
    pair = None
    if settings.syslog_cert is not None and settings.syslog_key is not None:
        pair = (settings.syslog_cert, settings.syslog_key)
    try:
        return Syslog(Place.of(settings.syslog), settings.syslog_ca_file, pair)
    except OSError as error:
        named = ", ".join(str(each) for each in (settings.syslog_ca_file, *(pair or ())) if each)
        raise CannotStart(f"syslog: {named}: {error.strerror or error}") from error
