"""HTTP with one time limit for all that is said in an exchange.

What clients call a time-out is counted anew at each wait, so a server that says a byte now and then
would hold its client for as long as it likes.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpcore2
import httpx2

from enlist.delivery.guard import Guard


class Deadline:
    """A moment past which nothing of an exchange waits."""

    def __init__(self) -> None:
        self._ends = 0.0

    def begin(self, seconds: float) -> None:
        """An exchange begins, and must be over in so many seconds."""
        self._ends = time.monotonic() + seconds

    def left(self, error: type[httpcore2.TimeoutException]) -> float:
        """The seconds that are left; raises the error where there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise error("it took too long")
        return left


class BoundedTransport(httpx2.HTTPTransport):
    """Connections that wait no longer than a deadline says, and not for what requests say.

    The name of a server is looked up within the resolver's own limits, and a server of several
    addresses that do not answer has as much time for each.

    Args:
        ca_file: certificate of the only authority to trust; None for the usual ones.
        guard: says where may be connected to; None for everywhere.

    Raises:
        OSError: that file cannot be read or holds no certificate.
    """

    def __init__(
        self, deadline: Deadline, ca_file: Path | None = None, guard: Guard | None = None
    ) -> None:
        if ca_file is None:
            trusted = httpx2.create_ssl_context(trust_env=False)
        else:
            trusted = ssl.create_default_context(cafile=ca_file)
        super().__init__(verify=trusted)
        backend = _Backend(deadline, guard)
        # httpx2 hands nothing on to its pool that says how to connect, so the pool is made here.
        self._pool = httpcore2.ConnectionPool(ssl_context=trusted, network_backend=backend)


class _Backend(httpcore2.NetworkBackend):
    def __init__(self, deadline: Deadline, guard: Guard | None) -> None:
        self._deadline = deadline
        self._guard = guard
        self._backend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        # TLS goes on to ask for the name, wherever the connection leads.
        addresses = [host] if self._guard is None else self._guard.addresses(host, port)
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore2.ConnectError):
                return self._connect(address, port, local_address, socket_options)
        return self._connect(addresses[-1], port, local_address, socket_options)

    def _connect(
        self,
        address: str,
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.NetworkStream:
        left = self._deadline.left(httpcore2.ConnectTimeout)
        made = self._backend.connect_tcp(address, port, left, local_address, socket_options)
        return _Stream(made, self._deadline)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._deadline.left(httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._deadline.left(httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        left = self._deadline.left(httpcore2.ConnectTimeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left)
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
