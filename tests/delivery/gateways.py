"""An SMS gateway of the tests' own: a real HTTP server that answers as told and keeps what came."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.peers.base import DEADLINE


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body))

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.query))


@dataclass
class Gateway:
    """What it answers next, and what it was asked.

    Attributes:
        answers: status, body and headers of the next answers; 200 when there are none.
        drips: seconds between two bytes of an answer.
    """

    answers: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    drips: float = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, status: int, body: str = "", **headers: str) -> None:
        self.answers.append((status, body, headers))

    def wait_for(self, count: int = 1) -> list[Asked]:
        """All requests so far as soon as there are so many."""
        deadline = time.monotonic() + DEADLINE
        while len(self.asked) < count:
            assert time.monotonic() < deadline, f"{len(self.asked)} of {count} requests"
            time.sleep(0.01)
        return list(self.asked)


@contextlib.contextmanager
def gateway() -> Iterator[Gateway]:
    """One that listens."""
    kept = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length).decode()
            kept.asked.append(Asked(self.command, parts.path, parts.query, headers, body))
            status, text, more = kept.answers.pop(0) if kept.answers else (200, "", {})
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(text.encode())))
            self.end_headers()
            with contextlib.suppress(OSError):
                self._write(text.encode())

        def _write(self, content: bytes) -> None:
            if not kept.drips:
                self.wfile.write(content)
                return
            for each in content:
                self.wfile.write(bytes([each]))
                self.wfile.flush()
                time.sleep(kept.drips)

        do_GET = do_POST = do_PUT = _do  # noqa: N815 - names of the standard library

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
