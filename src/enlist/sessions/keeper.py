"""Keeping the sessions of this process: heartbeat, and the end of those that must not go on.

The store alone decides whether a session may go on. It is asked for all of them at every heartbeat,
in one query, and at once for those of whom something was told (`Heard`). So what wakes us up needs
not be believed, and what does not reach us is found at the next heartbeat. A process that cannot
ask for as long as its sessions count as live for others (`LEASE`) ends them.

Everything here happens on the event loop, besides `hear` and `stop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from prometheus_client import Counter, Histogram

from enlist.core.caller import SYSTEM
from enlist.core.clock import SECOND
from enlist.core.ids import Id, new_id
from enlist.core.outcomes import Done, Refusal
from enlist.core.sessions import Ending
from enlist.sessions.open_sessions import Line, OpenSession, OpenSessions
from enlist.sessions.openings import Openings
from enlist.sessions.socket import Owner
from enlist.store.tx import StoreUnavailable
from enlist.store.wakeups import Heard
from enlist.verbs.device_sessions import LEASE, EndSessions, Heartbeat, Opened, WhichEnded
from enlist.verbs.driver import Driver

T = TypeVar("T")

CUT_AFTER: Final = 0.1
"""Seconds that a closed connection has to take the reason, before it is cut."""
_TICKS: Final = 20
"""Parts of a heartbeat over which pings are spread: never all at once."""
_MISSED: Final = 2
"""Pings without a sign of life after which a device is gone once the next is due. They are counted,
not timed: whatever stopped us for a while, nobody is gone who was not asked."""
_WRITTEN_AT_ONCE: Final = 500
_REST: Final = 0.05

OPENED: Final = Counter("enlist_device_sessions_opened_total", "Device sessions that were opened.")
ENDED: Final = Counter(
    "enlist_device_sessions_ended_total", "Device sessions that ended, by reason.", ["reason"]
)
CHECKED: Final = Histogram(
    "enlist_device_sessions_check_seconds",
    "Time to ask the store which sessions must not go on.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
for _ending in Ending:
    ENDED.labels(_ending.value)

_log = structlog.get_logger("enlist.sessions")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How sessions are kept.

    Attributes:
        heartbeat: seconds between two heartbeats.
        longest: seconds after which a session must be opened anew.
        most: sessions that one device may hold; the oldest give way.
        lease: seconds without an answer of the store after which the process ends what it holds.
    """

    heartbeat: float = 15.0
    longest: float = 24 * 3600.0
    most: int = 4
    lease: float = LEASE / SECOND


class Keeper:
    """The sessions of this process."""

    def __init__(self, driver: Driver, rhythm: Rhythm) -> None:
        self._driver = driver
        self.rhythm = rhythm
        self.process_id: Final[Id] = new_id(driver.tools.clock())
        self.sessions = OpenSessions()
        self.openings = Openings(rhythm.most)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="sessions")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._alive: asyncio.Future[None] | None = None
        self._checked = 0.0
        self._doubted: set[Id] = set()
        self._doubt = asyncio.Event()
        self._endings: list[tuple[Id, Ending]] = []
        self._to_write = asyncio.Event()

    # --- opening --------------------------------------------------------------------------

    async def admit(self, device_id: Id) -> OpenSession:
        """A pending session for a device that proved itself; the store is asked next.

        It is known here before that, so that nothing told meanwhile is missed.

        Raises:
            StoreUnavailable: this process cannot say that it lives.
        """
        await self._begin()
        now = asyncio.get_running_loop().time()
        session = OpenSession(new_id(self._driver.tools.clock()), device_id, now)
        self.sessions.add(session)
        return session

    def dismiss(self, session: OpenSession, ending: Ending | None = None) -> None:
        """A pending session comes to nothing; with `ending`, the store knows it already."""
        if self.sessions.remove(session) and ending is not None:
            self._written(session, ending)

    def begin(self, session: OpenSession, known: Opened, line: Line) -> None:
        """The store knows the session, and the device is on the line."""
        session.known, session.line = known, line
        OPENED.inc()
        if session.doubted:
            self._look_at([session])

    def owner(self, session: OpenSession) -> Owner:
        """Who is told what happens on the session's line."""
        return _Holder(self, session)

    # --- ending ---------------------------------------------------------------------------

    def close(self, sessions: Iterable[OpenSession], ending: Ending) -> int:
        """End sessions at once, however many and however slow: the reason is sent, and what has
        not gone through shortly after is cut off. Answers how many there were.
        """
        lines: list[Line] = []
        for session in sessions:
            if self.sessions.remove(session):
                self._written(session, ending)
                if session.line is not None:
                    session.line.close(ending)
                    lines.append(session.line)
        if lines:
            asyncio.get_running_loop().call_later(CUT_AFTER, _cut, lines)
        return len(lines)

    def went(self, session: OpenSession, ending: Ending) -> None:
        """A session ended by itself."""
        if self.sessions.remove(session):
            self._written(session, ending)

    def _written(self, session: OpenSession, ending: Ending) -> None:
        if session.line is not None:
            ENDED.labels(ending.value).inc()
        self._endings.append((session.id, ending))
        self._to_write.set()

    # --- what is told ---------------------------------------------------------------------

    def hear(self, heard: Heard) -> None:
        """Look at the sessions of whom something was told. From any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # closed: nobody is left to look at
                loop.call_soon_threadsafe(self._heard, heard)

    def _heard(self, heard: Heard) -> None:
        if heard.everybody:
            self._look_at(self.sessions.all())
        for whose in heard.whose:
            self._look_at(self.sessions.of(whose))

    def _look_at(self, sessions: Iterable[OpenSession]) -> None:
        for session in sessions:
            session.doubted = True
            if not session.pending:
                self._doubted.add(session.id)
        if self._doubted:
            self._doubt.set()

    # --- what goes on beside --------------------------------------------------------------

    async def _begin(self) -> None:
        """Say that this process lives, and go on saying so; the first session waits for it."""
        if self._alive is None or (self._alive.done() and self._alive.exception() is not None):
            self._loop = asyncio.get_running_loop()
            self._alive = asyncio.ensure_future(self._first_heartbeat())
        await asyncio.shield(self._alive)

    async def _first_heartbeat(self) -> None:
        await self._check_all()
        if not self._tasks:
            works = (self._beat, self._ask, self._look, self._write_down, self._lapse)
            self._tasks = [asyncio.create_task(self._again(each)) for each in works]

    async def _again(self, work: Callable[[], Any]) -> None:
        """One of our tasks: no error ends it, and none goes by unnoticed."""
        while True:
            try:
                await work()
            except StoreUnavailable as error:
                _log.warning("sessions not looked at", reason=str(error))
                await asyncio.sleep(min(1.0, self.rhythm.heartbeat))
            except Exception:  # noqa: BLE001 - a task that ends unnoticed would be worse
                _log.exception("keeping sessions failed")
                await asyncio.sleep(min(1.0, self.rhythm.heartbeat))

    async def _beat(self) -> None:
        """Ping every device, spread over a heartbeat, whatever the store does meanwhile."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        sessions = [each for each in self.sessions.all() if not each.pending]
        part = -(-len(sessions) // _TICKS)
        for tick in range(_TICKS):
            self._ping(sessions[tick * part : (tick + 1) * part], loop.time())
            due = began + (tick + 1) * self.rhythm.heartbeat / _TICKS
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _ask(self) -> None:
        """At every heartbeat, ask the store for all sessions."""
        await asyncio.sleep(self.rhythm.heartbeat)
        try:
            await self._check_all()
        except StoreUnavailable as error:
            _log.warning("sessions not checked", reason=str(error), open=len(self.sessions))

    async def _lapse(self) -> None:
        """End what was not checked for too long, whatever keeps the store from answering.

        Not by who asks it: he may wait for a database that neither answers nor goes away. Of those
        that are being opened the store is being asked; if it answers, they are next.
        """
        left = self._checked + self.rhythm.lease - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)
            return
        held = [each for each in self.sessions.all() if not each.pending]
        if self.close(held, Ending.UNCHECKED):
            _log.error("sessions ended, as they could not be checked", count=len(held))
        await asyncio.sleep(min(1.0, self.rhythm.heartbeat))

    def _ping(self, sessions: Sequence[OpenSession], now: float) -> None:
        idle = [each for each in sessions if each.unanswered >= _MISSED]
        old = [each for each in sessions if now - each.opened > self.rhythm.longest]
        self.close(idle, Ending.IDLE)
        self.close(old, Ending.TOO_OLD)
        for each in sessions:
            if each.line is not None:
                each.unanswered += 1
                each.line.ping()

    async def _check_all(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        ids = [each.id for each in self.sessions.all() if not each.pending]
        outcome = await self._threaded(
            lambda: self._driver.perform(Heartbeat(self.process_id, ids), SYSTEM)
        )
        if isinstance(outcome, Done):
            self._checked = began
            CHECKED.observe(loop.time() - began)
            self._close_ended(outcome.value)

    async def _look(self) -> None:
        """Ask the store at once for those of whom something was told."""
        await self._doubt.wait()
        self._doubt.clear()
        asked, self._doubted = list(self._doubted), set()
        try:
            ended: Mapping[Id, Ending] | Refusal = await self._threaded(
                lambda: self._driver.view(WhichEnded(asked), SYSTEM)
            )
        except StoreUnavailable:
            self._doubted.update(asked)
            self._doubt.set()
            raise
        if not isinstance(ended, Refusal):
            self._close_ended(ended)

    def _close_ended(self, ended: Mapping[Id, Ending]) -> None:
        for ending in set(ended.values()):
            ids = [each for each, why in ended.items() if why is ending]
            closed = self.close(self.sessions.with_ids(ids), ending)
            if closed:
                _log.info("device sessions dropped", reason=ending.value, count=closed)

    async def _write_down(self) -> None:
        """Write endings down, many at once, beside everything else."""
        await self._to_write.wait()
        await asyncio.sleep(_REST)
        self._to_write.clear()
        while self._endings:
            some = self._endings[:_WRITTEN_AT_ONCE]
            try:
                end = functools.partial(self._driver.perform, EndSessions(some), SYSTEM)
                await self._threaded(end)
            except StoreUnavailable:
                self._to_write.set()
                raise
            del self._endings[: len(some)]

    async def _threaded(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    def stop(self) -> None:
        """The server has stopped: write down what ended with it. After the loop's end."""
        endings = [
            *self._endings,
            *((each.id, Ending.SERVER_STOPPING) for each in self.sessions.all()),
        ]
        self._threads.shutdown(wait=True)
        try:
            for first in range(0, len(endings), _WRITTEN_AT_ONCE):
                some = endings[first : first + _WRITTEN_AT_ONCE]
                self._driver.perform(EndSessions(some), SYSTEM)
        except StoreUnavailable as error:
            _log.warning("ended sessions not written down", reason=str(error), count=len(endings))


class _Holder:
    """A session of a keeper's, as its socket knows it."""

    __slots__ = ("_keeper", "_session")

    def __init__(self, keeper: Keeper, session: OpenSession) -> None:
        self._keeper = keeper
        self._session = session

    def heard(self) -> None:
        self._session.unanswered = 0

    def went(self, ending: Ending) -> None:
        self._keeper.went(self._session, ending)


def _cut(lines: Iterable[Line]) -> None:
    for line in lines:
        line.cut()
