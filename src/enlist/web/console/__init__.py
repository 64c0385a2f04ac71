"""The administrators' console. How a page is added stands in `layout.py`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from enlist.core.outcomes import Refusal
from enlist.core.secrets import support_code
from enlist.web.console import (
    alerts,
    api_keys,
    authorizing,
    branding,
    bulk_acts,
    device_lists,
    devices,
    email_domains,
    enrollment_actions,
    enrollments,
    events,
    groups,
    handing,
    handing_on,
    imports,
    infrastructure,
    jwt_help,
    language,
    leaving,
    locks,
    messages,
    moving,
    organizations,
    overview,
    own_roles,
    passcodes,
    prompts,
    registering,
    renewing,
    restrictions,
    roles,
    saved_views,
    search,
    sending,
    sessions,
    settings,
    staging,
    templates,
    terms,
    user,
    users,
    waves,
    webhooks,
)
from enlist.web.console.layout import Desk, desk_of, page

_PAGES = (
    overview,
    search,
    language,
    registering,
    sending,
    bulk_acts,
    devices,
    enrollments,
    saved_views,
    enrollment_actions,
    device_lists,
    renewing,
    handing_on,
    staging,
    handing,
    jwt_help,
    users,
    user,
    locks,
    leaving,
    authorizing,
    groups,
    imports,
    waves,
    events,
    api_keys,
    webhooks,
    alerts,
    roles,
    own_roles,
    infrastructure,
    passcodes,
    settings,
    restrictions,
    email_domains,
    prompts,
    branding,
    organizations,
    messages,
    moving,
    sessions,
    templates,
    terms,
)


def routes() -> list[BaseRoute]:
    """The console's routes; the first that fits answers, so `…/new` stands before `…/{id}`."""
    return [
        Route("/console", _home),
        Route("/console/", _home),
        Route("/console/{group_id}", _home),
        *(route for module in _PAGES for route in module.ROUTES),
        page("{rest:path}", _nothing),
    ]


async def _home(request: Request) -> Response:
    """To the overview of the organization named, or of the one where the person belongs."""
    desk = await desk_of(request)
    return desk if isinstance(desk, Response) else RedirectResponse(desk.address(), 303)


async def _nothing(desk: Desk) -> Response:
    return desk.refuse(Refusal("not_found", support_code=support_code()))
