"""Putting the API together: FastAPI below `/api/v1`, its description beside it."""

from __future__ import annotations

import functools
from typing import Final

import anyio.to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from enlist.web.api import (
    alerts,
    api_keys,
    authorizing,
    branding,
    device_sessions,
    devices,
    email_domains,
    enrolling,
    enrollments,
    events,
    exporting,
    groups,
    imports,
    infrastructure,
    jwts,
    leaving,
    locks,
    log,
    many,
    messages,
    moving,
    my_devices,
    myself,
    one_time_credentials,
    organizations,
    own_roles,
    passcode,
    passwords,
    register_many,
    registering,
    resetting,
    restrictions,
    revocations,
    roles,
    saved_views,
    staging,
    templates,
    terms,
    users,
    waves,
    webhooks,
)
from enlist.web.api.openapi import Document, described
from enlist.web.api.operations import invalid, refused
from enlist.web.api.reference import Reference, reference_of, reference_page
from enlist.web.boundary import leave_to_faults
from enlist.web.services import Services

PARTS: Final = (
    many,  # first: `bulk` is no id
    one_time_credentials,
    devices,
    device_sessions,
    registering,
    register_many,
    waves,
    resetting,
    staging,
    exporting,
    enrollments,
    saved_views,
    jwts,
    enrolling,
    revocations,
    users,
    passwords,
    locks,
    leaving,
    moving,
    authorizing,
    groups,
    imports,
    own_roles,
    roles,
    email_domains,
    organizations,
    passcode,
    branding,
    restrictions,
    terms,
    api_keys,
    messages,
    templates,
    events,
    log,
    webhooks,
    alerts,
    infrastructure,
    myself,
    my_devices,
)


class HeadIsGet:
    """Answers HEAD as GET would, without the body (RFC 9110 section 9.3.2).

    FastAPI offers HEAD only as an operation of its own, which the description would list twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_head)


def described_application(services: Services) -> ASGIApp:
    """Everything below `/api`; the description is made when somebody first asks for it.

    All get the same bytes of it: made anew for each, they would fill the memory for strangers.
    """
    api = fastapi_application()
    api.state.services = services

    @functools.cache
    def document() -> Document:
        return described(api, services.version)

    @functools.cache
    def reference() -> Reference:
        return reference_of(document().value)

    @functools.cache
    def text() -> bytes:
        return document().text.encode()

    page: list[bytes] = []

    async def show_openapi(_request: Request) -> Response:
        return Response(await anyio.to_thread.run_sync(text), media_type="application/json")

    async def show_reference(request: Request) -> Response:
        if not page:
            shown = reference_page(request, await anyio.to_thread.run_sync(reference))
            page.append(bytes(shown.body))
        return HTMLResponse(page[0])

    return Router(
        [
            Route("/openapi.json", show_openapi),
            Route("/docs", show_reference),
            Mount("/v1", HeadIsGet(api)),
        ],
        redirect_slashes=False,
    )


def fastapi_application() -> FastAPI:
    """All operations; what they do needs `state.services`, what they are does not."""
    api = FastAPI(
        openapi_url=None,
        redirect_slashes=False,
        # Its traces could hold a body, and a body a token.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={
            HTTPException: refused,
            RequestValidationError: invalid,
            Exception: leave_to_faults,
        },
    )
    routers = [router for part in PARTS for router in part.operations.routers]
    api.state.routes = [route for router in routers for route in router.routes]
    # As they are: `include_router` makes each anew for every application, at its first request.
    api.router.routes.extend(api.state.routes)
    return api
