"""Serving: two listeners in one process, and any number of processes behind the same sockets.

The *web* listener speaks plain HTTP on localhost or behind a proxy, else TLS. The *device*
listener always ends TLS itself and asks for a client certificate without demanding one. Sockets
are opened before workers are forked, so that every worker accepts from the same ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from enlist.web.connections import MOST_HEAD, DeviceConnection, WebConnection

_log = structlog.get_logger("enlist.serving")
GRACE: Final = 10
"""Seconds that open requests get to finish when the server stops."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where one listener listens, and its TLS, if it ends TLS itself."""

    name: str
    socket: socket.socket
    tls: ssl.SSLContext | None = None


class CannotListen(Exception):
    """An address is taken or not ours."""


def listen(address: str) -> socket.socket:
    """A listening socket for `HOST:PORT`.

    Raises:
        CannotListen: with a line that says what to do.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, int(port)))
        opened.listen(2048)
    except (OSError, ValueError, OverflowError) as error:
        opened.close()
        why = error.strerror if isinstance(error, OSError) else "not HOST:PORT"
        raise CannotListen(
            f"cannot listen on {address}: {why}. Give another address with --http or --device."
        ) from error
    opened.set_inheritable(True)
    return opened


def web_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS for people: 1.2 and 1.3, no client certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def device_tls(certificate: Path, key: Path, authority: str) -> ssl.SSLContext:
    """TLS for devices: a client certificate of our authority is asked for, not demanded.

    Args:
        authority: issuing CA and root, PEM; only what they signed is accepted.
    """
    context = web_tls(certificate, key)
    context.load_verify_locations(cadata=authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us: two of them share a process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _server(app: ASGIApp, listener: Listener) -> _Server:
    config = uvicorn.Config(
        app,
        http=DeviceConnection if listener.name == "device" else WebConnection,
        ws="none",
        loop="uvloop",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=MOST_HEAD,
    )
    config.load()
    config.ssl = listener.tls
    return _Server(config)


async def _run(apps: Sequence[tuple[ASGIApp, Listener]]) -> None:
    servers = [_server(app, listener) for app, listener in apps]
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    serving = [
        asyncio.create_task(server.serve(sockets=[listener.socket]))
        for server, (_, listener) in zip(servers, apps, strict=True)
    ]
    await asyncio.gather(*serving)


def serve(apps: Sequence[tuple[ASGIApp, Listener]]) -> None:
    """Serve until SIGINT or SIGTERM."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(apps))


def supervise(count: int, work: Callable[[int], None]) -> None:
    """Fork `count` workers, put dead ones back, and stop them all when we are told to."""
    children: dict[int, int] = {}
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def start(place: int) -> None:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            try:
                work(place)
            finally:
                os._exit(0)
        children[pid] = place

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    for place in range(count):
        start(place)
    while children:
        try:
            pid, status = os.wait()
        except InterruptedError:
            continue
        place = children.pop(pid)
        if not stopping:
            _log.error("worker died", worker=place, status=status)
            start(place)
