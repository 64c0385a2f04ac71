"""Serving: two listeners in one process, and any number of processes behind the same sockets.

The *web* listener speaks plain HTTP on localhost or behind a proxy, else TLS. The *device*
listener always ends TLS itself and asks for a client certificate without demanding one. Sockets
are opened before workers are forked, so that every worker accepts from the same ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import structlog
import uvicorn
from starlette.types import ASGIApp

from enlist.core import ids
from enlist.web.connections import HEAD, PATIENCE, DeviceConnection, WebConnection
from enlist.web.tls import LOOK_EVERY, ReloadingTls
from enlist.web.upgrading import MOST_SAID, Upgrading

_log = structlog.get_logger("enlist.serving")

os.register_at_fork(after_in_child=ids.begin_anew)
GRACE: Final = 10
"""Seconds that open requests get to finish when the server stops."""
STEADY: Final = 60.0
"""Seconds after which a worker that dies counts as one that had served."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds between two lives of a worker that does not stay alive: the first, doubled, the most."""
_AT_A_TIME: Final = 32 * 1024
"""Bytes that the kernel is asked to hold of what a device sends; Linux holds twice as many."""
_LOOK: Final = 0.2
"""Seconds between two looks for deaths while a worker waits to be put back."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where one listener listens, and its TLS, if it ends TLS itself."""

    name: str
    socket: socket.socket
    tls: ReloadingTls | None = None


class CannotListen(Exception):
    """An address is taken or not ours."""


def listen(address: str) -> socket.socket:
    """A listening socket for `HOST:PORT`.

    Raises:
        CannotListen: with a line that says what to do.
    """
    host, colon, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if not colon:
            raise ValueError(address)  # a port alone would listen on every address
        opened.bind((host, int(port)))
        opened.listen(2048)
    except (OSError, ValueError, OverflowError) as error:
        opened.close()
        why = error.strerror if isinstance(error, OSError) else "not HOST:PORT"
        remedy = "Give another address with --http or --device."
        if isinstance(error, PermissionError):
            remedy = "A port below 1024 takes CAP_NET_BIND_SERVICE, see docs/how-to/install.md."
        raise CannotListen(f"cannot listen on {address}: {why}. {remedy}") from error
    opened.set_inheritable(True)
    return opened


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us: two of them share a process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _server(app: ASGIApp, listener: Listener) -> _Server:
    if listener.name == "device":
        # TLS takes all that has come at once, keeps it several times, and keeps the room for as
        # long as the connection lasts: else a thousand strangers would take a gigabyte.
        listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _AT_A_TIME)
    config = uvicorn.Config(
        app,
        http=DeviceConnection if listener.name == "device" else WebConnection,
        ws=Upgrading,
        ws_max_size=MOST_SAID,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        loop="uvloop",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
    )
    config.load()
    config.ssl = None if listener.tls is None else listener.tls.context
    return _Server(config)


async def _run(apps: Sequence[tuple[ASGIApp, Listener]], stopping: Callable[[], None]) -> None:
    servers = [_server(app, listener) for app, listener in apps]
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True
        stopping()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    hurry = asyncio.Event()
    if _reloads_on_hangup():
        loop.add_signal_handler(signal.SIGHUP, hurry.set)
    certificates = [listener.tls for _, listener in apps if listener.tls is not None]
    watching = asyncio.create_task(_watch(certificates, hurry))
    serving = [
        asyncio.create_task(server.serve(sockets=[listener.socket]))
        for server, (_, listener) in zip(servers, apps, strict=True)
    ]
    try:
        await asyncio.gather(*serving)
    finally:
        watching.cancel()


async def _watch(certificates: Sequence[ReloadingTls], hurry: asyncio.Event) -> None:
    """Look for new certificates now, every `LOOK_EVERY` seconds, and whenever we are hurried.

    Now as well, because a worker that is put back has its parent's, from when that was started.
    """
    while True:
        for each in certificates:
            await asyncio.to_thread(each.look_again)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), LOOK_EVERY)
        hurry.clear()


def _reloads_on_hangup() -> bool:
    """SIGHUP means *read certificates again*, except at a terminal: there it means *go away*."""
    try:
        return not os.isatty(0)
    except OSError:
        return True


def survive_hangup() -> None:
    """From now on SIGHUP ends nothing, also before there is anything to read again."""
    if _reloads_on_hangup():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def serve(apps: Sequence[tuple[ASGIApp, Listener]], stopping: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, and say so to what would go on else (`stopping`)."""
    _freeze_modules()
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(_run(apps, stopping))


def _freeze_modules() -> None:
    """Never look for garbage among what was there before the first request.

    Modules and routes are more than 100,000 objects. Walking through all of them took 64 ms, in
    which nobody was answered; without it the slowest answers under load take half as long. How
    often to look among the others is set where the command begins.
    """
    gc.freeze()


def _new_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop's on which a TLS handshake has to end when a request's head has to (S46).

    uvicorn has no setting for it; whoever connects and says nothing would be waited for a minute.
    """
    import uvloop

    class Loop(uvloop.Loop):
        async def create_server(self, *given: Any, ssl: Any = None, **options: Any) -> Any:
            if ssl is not None:
                options["ssl_handshake_timeout"] = PATIENCE[HEAD]
            return await super().create_server(*given, ssl=ssl, **options)

    return Loop()


def supervise(count: int, work: Callable[[int], None]) -> None:
    """Fork `count` workers, put dead ones back, and stop them all when we are told to.

    One that dies soon is put back later and later (`pause_after`): what kills it at once would
    else keep a core busy and fill the log.
    """
    _Supervisor(work).run(count)


def pause_after(lived: float, last: float) -> float:
    """Seconds to wait before a dead worker is put back.

    Args:
        lived: seconds that it lived; one that served for `STEADY` is put back at once.
        last: the pause before it, 0 for none.
    """
    if lived >= STEADY:
        return 0.0
    return min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * last))


@dataclass(frozen=True, slots=True)
class _Life:
    """One worker: its place, when it was started, and the pause before that."""

    place: int
    since: float
    pause: float


class _Supervisor:
    """What `supervise` remembers: who lives, and who is put back when."""

    def __init__(self, work: Callable[[int], None]) -> None:
        self._work = work
        self._living: dict[int, _Life] = {}
        self._due: list[tuple[float, int, float]] = []
        self._stopping = False

    def run(self, count: int) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        if _reloads_on_hangup():
            signal.signal(signal.SIGHUP, self._pass_on)
        for place in range(count):
            self._start(place, 0.0)
        while self._living or (self._due and not self._stopping):
            self._bury()
            self._put_back()

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True
        self._pass_on(signal.SIGTERM, None)

    def _pass_on(self, number: int, _frame: object) -> None:
        """Tell every worker."""
        for pid in list(self._living):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _start(self, place: int, pause: float) -> None:
        pid = os.fork()
        if pid == 0:
            self._become(place)
        self._living[pid] = _Life(place, time.monotonic(), pause)
        if self._stopping:  # told so between the question and the fork
            self._stop(signal.SIGTERM, None)

    def _become(self, place: int) -> NoReturn:
        """The worker's whole life, in its own process."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        survive_hangup()
        status = 1
        try:
            self._work(place)
            status = 0
        except Exception as error:  # noqa: BLE001 - its last words, or nobody learns why it died
            _log.error("worker failed", worker=place, exc_info=error)
        finally:
            os._exit(status)

    def _bury(self) -> None:
        """Wait for a death, or until somebody is due."""
        pid, status = os.waitpid(-1, os.WNOHANG if self._due else 0) if self._living else (0, 0)
        if pid == 0:
            soonest = min((due for due, _, _ in self._due), default=0.0) - time.monotonic()
            time.sleep(max(0.0, min(soonest, _LOOK)))
            return
        life = self._living.pop(pid)
        if not self._stopping:
            now = time.monotonic()
            pause = pause_after(now - life.since, life.pause)
            self._due.append((now + pause, life.place, pause))
            _log.error("worker died", worker=life.place, status=status, again_in=pause)

    def _put_back(self) -> None:
        now = time.monotonic()
        ready = [each for each in self._due if each[0] <= now]
        self._due = [each for each in self._due if each[0] > now]
        for _, place, pause in ready:
            if not self._stopping:
                self._start(place, pause)
