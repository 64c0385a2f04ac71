"""OpenZiti's management API (`/edge/management/v1`), as far as it is about who may enroll.

Whoever shows an API key of Enlist's creates identities and their one-time JWTs, and takes them
back: the same verbs as everywhere, in OpenZiti's words. It stands on the device listener, beside
the client API, as on OpenZiti's own controller. Nothing is decided here.
"""

from __future__ import annotations

from typing import Final

from starlette.routing import BaseRoute, Route

from enlist.web.protocols.openziti.management import authenticators, enrollments, identities
from enlist.web.protocols.openziti.management.desk import managed

PREFIX: Final = "/edge/management/v1"

OFFERED: Final = (*identities.ROUTES, *enrollments.ROUTES, *authenticators.ROUTES)
"""Every address below the prefix."""

FIELDS: Final = {
    "identities": identities.FIELDS,
    "enrollments": enrollments.FIELDS,
    "authenticators": authenticators.FIELDS,
}
"""What the filters and orders of each list may name."""


def routes() -> list[BaseRoute]:
    """Every address."""
    return [Route(PREFIX + path, managed(answer), methods=[verb]) for path, verb, answer in OFFERED]
