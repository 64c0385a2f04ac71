"""Enlist's own and vendored files, packed for whoever takes them so.

The address holds the version, so a browser asks for each but once. What it asks for first is a
stylesheet of 600 KB: packed, a first view of the console is a fifth of the size (P19). Pages are
not packed: what stands in them beside a secret would tell its length (BREACH).
"""

from __future__ import annotations

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Final

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_TEXTS: Final = frozenset((".css", ".js", ".svg", ".txt"))
"""What gets smaller; pictures and fonts are packed as they are."""


class Files(StaticFiles):
    """The folder `static`."""

    def __init__(self) -> None:
        mimetypes.add_type("font/woff2", ".woff2")
        super().__init__(directory=Path(__file__).parent / "static")

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        if Path(path).suffix in _TEXTS:
            response.headers["vary"] = "accept-encoding"
            if isinstance(response, FileResponse) and _takes_gzip(Headers(scope=scope)):
                return await _as_gzip(response)
        return response


def _takes_gzip(headers: Headers) -> bool:
    """Whether the client names gzip, and does not say that it wants none of it."""
    named = [
        each.replace(" ", "").lower() for each in headers.get("accept-encoding", "").split(",")
    ]
    return any(each.partition(";")[0] == "gzip" and not each.endswith(";q=0") for each in named)


async def _as_gzip(plain: FileResponse) -> Response:
    kept = ("cache-control", "vary", "content-type")
    headers = {name: plain.headers[name] for name in kept} | {"content-encoding": "gzip"}
    return Response(await anyio.to_thread.run_sync(_packed, str(plain.path)), headers=headers)


@lru_cache(maxsize=64)
def _packed(path: str) -> bytes:
    return gzip.compress(Path(path).read_bytes(), mtime=0)
