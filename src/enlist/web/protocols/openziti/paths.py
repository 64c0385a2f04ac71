"""Where OpenZiti's client API is found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from enlist.web.hot import Hot

PREFIX: Final = "/edge/client/v1"
PREFIXES: Final = ("", PREFIX, "/edge/v1")

Endpoint = Callable[[Request], Awaitable[Response]] | Hot
Offered = tuple[str, str, Endpoint]
"""A path without its prefix, a method, and what answers."""
