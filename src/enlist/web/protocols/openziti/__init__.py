"""OpenZiti's client API (`/edge/client/v1`), as its unmodified clients speak it.

A client enrolls with a one-time JWT, learns which CAs to trust, and then proves itself with its
certificate for a session. All of it is on the device listener, whose certificate signs the JWTs.
Older clients ask without the prefix, newer ones with it, and some now so and now so, so every
address is served in both forms, and under `/edge/v1`, as it was called once (D39). Beside it, in a
folder of its own, is what administrators ask: `management`. Nothing is decided here.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from enlist.web.protocols.openziti import enroll, management, sessions, trust
from enlist.web.protocols.openziti.envelopes import refused
from enlist.web.protocols.openziti.paths import PREFIXES

__all__ = ["HOT_ROUTES", "OFFERED", "refused", "routes", "speaks"]

OFFERED: Final = (*trust.ROUTES, *enroll.ROUTES, *sessions.ROUTES)
"""The client API's addresses, without a prefix."""
HOT_ROUTES: Final = {
    ("POST", prefix + path): hot for prefix in PREFIXES for path, hot in enroll.HOT.items()
}
"""What is answered before any routing, by method and path."""
_PLAIN: Final = frozenset(path for path, _, _ in OFFERED)


def routes() -> list[BaseRoute]:
    """Every address of both APIs; the client's in every form."""
    return management.routes() + [
        Route(prefix + path, endpoint, methods=[method])
        for prefix in PREFIXES
        for path, method, endpoint in OFFERED
    ]


def speaks(request: Request) -> bool:
    """Whether whoever sent this to the device listener reads OpenZiti's envelopes."""
    path = request.scope["path"]
    return path in _PLAIN or path.startswith(("/edge/", "/current-identity/"))
