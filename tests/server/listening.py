"""One listener of a server, in a thread of the test's own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from enlist.web import connections
from enlist.web.connections import READ
from enlist.web.serving import Listener, _new_loop, _server, listen
from enlist.web.tls import ReloadingTls

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class Pauses:
    """What a listener waits for readers, by a time that passes only when a test says so."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, asyncio.TimerHandle, Callable[[], object]]] = []

    def loop(self) -> asyncio.AbstractEventLoop:
        """A server's loop, on which no clock wears out the patience with readers."""
        loop = _new_loop()
        by_the_clock: Any = loop.call_later

        def call_later(
            delay: float, callback: Callable[..., object], *args: Any, **more: Any
        ) -> Any:
            if delay != connections.PATIENCE[READ]:
                return by_the_clock(delay, callback, *args, **more)
            timer = by_the_clock(3600, callback, *args, **more)
            run_out = lambda: loop.call_soon_threadsafe(callback, *args)  # noqa: E731
            self._timers.append((self._now + delay, timer, run_out))
            return timer

        vars(loop)["call_later"] = call_later
        return loop

    def running(self) -> list[asyncio.TimerHandle]:
        """The timers of readers who are waited for."""
        return [timer for _, timer, _ in list(self._timers) if not timer.cancelled()]

    def go_on(self, seconds: float) -> None:
        """Let time pass; whoever read nothing meanwhile has lost his connection."""
        self._now += seconds
        for due, timer, run_out in list(self._timers):
            if due <= self._now and not timer.cancelled():
                timer.cancel()
                run_out()


@contextmanager
def listening(
    name: str,
    app: ASGIApp,
    tls: ReloadingTls | None = None,
    *,
    new_loop: LoopFactory = _new_loop,
) -> Iterator[tuple[int, uvicorn.Server]]:
    """One listener in a thread, which cuts nobody for being idle; its port, and its server."""
    listener = Listener(name, listen("127.0.0.1:0"), tls)
    server = _server(app, listener)
    server.config.timeout_keep_alive = 3600

    def serve() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(server.serve([listener.socket]))

    thread = threading.Thread(target=serve)
    port: int = listener.socket.getsockname()[1]
    thread.start()
    try:
        yield port, server
    finally:
        server.should_exit = True
        thread.join()
