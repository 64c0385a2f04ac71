"""One listener of a server, in a thread of the test's own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from enlist.web.serving import Listener, _new_loop, _server, listen
from enlist.web.tls import ReloadingTls


@contextmanager
def listening(
    name: str, app: ASGIApp, tls: ReloadingTls | None = None
) -> Iterator[tuple[int, uvicorn.Server]]:
    """One listener in a thread, which cuts nobody for being idle; its port, and its server."""
    listener = Listener(name, listen("127.0.0.1:0"), tls)
    server = _server(app, listener)
    server.config.timeout_keep_alive = 3600

    def serve() -> None:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(server.serve([listener.socket]))

    thread = threading.Thread(target=serve)
    port: int = listener.socket.getsockname()[1]
    thread.start()
    try:
        yield port, server
    finally:
        server.should_exit = True
        thread.join()
