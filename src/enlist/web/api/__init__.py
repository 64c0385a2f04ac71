"""The REST API, `/api/v1`: every verb, for programs.

One file per kind of thing, each with what it looks like and what can be done with it. Start with
`devices`; `operations` has what all share, `reading` how bodies are read, `values` the types.
"""

from __future__ import annotations

from typing import Final

import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from enlist.web.api.redeem import HOT
from enlist.web.services import Services

HOT_ROUTES: Final = {("POST", "/api/v1/redeem"): HOT}
"""Operations that are answered before any routing, by method and path."""


class ApiApplication:
    """Everything below `/api` but for what is hot, loaded by its first request.

    FastAPI and a hundred models take as long to load as all the rest of Enlist, and a server must
    be ready early (P25).
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._loaded: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._loaded is None:
            self._loaded = await anyio.to_thread.run_sync(self._load)
        await self._loaded(scope, receive, send)

    def _load(self) -> ASGIApp:
        from enlist.web.api.application import described_application

        return described_application(self._services)
