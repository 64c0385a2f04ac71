"""OpenZiti's client API (`/edge/client/v1`), as its unmodified clients speak it.

A client enrolls with a one-time JWT, learns which CAs to trust, and then proves itself with its
certificate for a session. All of it is on the device listener, whose certificate signs the JWTs.
Older clients ask without the prefix, newer ones with it, and some now so and now so, so every
address is served in both forms (D39). Nothing is decided here.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from enlist.web.protocols.openziti import enroll, sessions, trust
from enlist.web.protocols.openziti.envelopes import refused
from enlist.web.protocols.openziti.paths import PREFIXES

__all__ = ["refused", "routes", "speaks"]

_OFFERED = (*trust.ROUTES, *enroll.ROUTES, *sessions.ROUTES)
_PLAIN = frozenset(path for path, _, _ in _OFFERED)


def routes() -> list[BaseRoute]:
    """Every address, with and without the prefix."""
    return [
        Route(prefix + path, endpoint, methods=[method])
        for prefix in PREFIXES
        for path, method, endpoint in _OFFERED
    ]


def speaks(request: Request) -> bool:
    """Whether whoever sent this to the device listener reads OpenZiti's envelopes."""
    path = request.scope["path"]
    return path in _PLAIN or path.startswith(("/edge/", "/current-identity/"))
