"""The two applications: *web* for people and the API, *device* for what proves itself by TLS.

Routes come from the adapters; each folder of `web/` offers its own list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from enlist.core.clock import SECOND
from enlist.core.outcomes import Refusal
from enlist.core.secrets import support_code
from enlist.store.tx import StoreUnavailable
from enlist.verbs.csv_file import MOST_BYTES
from enlist.web import console, demo, enroll, look, pki, portal, sms_reports
from enlist.web.api import HOT_ROUTES, ApiApplication
from enlist.web.boundary import Capped, Edge, SameSite, Terms, leave_to_faults
from enlist.web.callers import cookie_name, person_of, services_of
from enlist.web.device import device_routes
from enlist.web.hot import Direct, HotRoutes
from enlist.web.metrics import exposition
from enlist.web.pages import refusal_page
from enlist.web.peers import within
from enlist.web.problems import BY_STATUS, is_fault, problem_response
from enlist.web.protocols import forward_auth, openziti
from enlist.web.services import Services
from enlist.web.session import session_routes
from enlist.web.static_files import Files

LARGE: Final[Mapping[str, int]] = {
    "/api/v1/devices/bulk": 8 * 1024 * 1024,
    "/api/v1/imports": MOST_BYTES,
    "/api/v1/waves": 8 * 1024 * 1024,
}
"""Addresses, for staff alone, whose bodies may be larger than others, and how large."""

MOST_SKEW: Final = 5 * SECOND
"""A process whose clock is further from the database's takes no traffic (X08)."""


def web_application(services: Services) -> ASGIApp:
    """The web listener's application."""
    routes: list[BaseRoute] = [
        Route("/", _home),
        Mount("/api", ApiApplication(services)),
        *enroll.routes(),
        *console.routes(),
        *portal.routes(),
        *look.routes(),
        *pki.routes(),
        *forward_auth.routes(),
        *sms_reports.routes(),
        *_health(),
        Route("/metrics", _metrics),
        Mount(f"/static/{services.version}", Files(), name="static"),
    ]
    if services.mailbox is not None:
        routes += demo.routes()
    if services.sessions is not None:
        routes += session_routes()
    app = _starlette(services, routes)
    return _bounded(app, services, "web", HOT_ROUTES, LARGE)


def device_application(services: Services) -> ASGIApp:
    """The device listener's application."""
    sessions = [] if services.sessions is None else session_routes()
    app = _starlette(services, [*device_routes(), *sessions, *pki.routes(), *_health()])
    app.state.openziti = True
    return _bounded(app, services, "device", openziti.HOT_ROUTES, {})


def _starlette(services: Services, routes: list[BaseRoute]) -> Starlette:
    handlers = {HTTPException: _http_exception, Exception: leave_to_faults}
    app = Starlette(routes=routes, exception_handlers=handlers)
    # Its redirects to an address without the last slash are made of the Host header (S38).
    app.router.redirect_slashes = False
    app.state.services = services
    return app


class _Shortcut:
    """Answers what is hot before anything is routed."""

    def __init__(self, app: Starlette, hot: HotRoutes) -> None:
        self.app = app
        self._hot = hot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hot = self._hot.get((scope.get("method", ""), scope.get("path", "")))
        if hot is None:
            await self.app(scope, receive, send)
        else:
            scope["app"] = self.app  # as Starlette itself does
            await hot(scope, receive, send)


def _bounded(
    app: Starlette,
    services: Services,
    listener: str,
    hot: HotRoutes,
    large: Mapping[str, int],
) -> ASGIApp:
    """The wrappers of `boundary`, innermost first."""

    def render(scope: Scope, refusal: Refusal) -> ASGIApp:
        async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
            response = await _render(Request({**scope, "app": app}), refusal)
            await response(scope, receive, send)

        return answer

    same_site = SameSite(_Shortcut(app, hot), render, services.public_url, cookie_name(services))
    # No proxy can write into what comes to the device listener, where TLS ends: whatever stands
    # there is the client's own word, also where an address passes it on that is trusted elsewhere.
    trusted = services.trusted_proxies if listener == "web" else ()
    terms = Terms(services.secure, trusted, services.proxy_header)
    edge = Edge(Capped(same_site, render, large), render, listener, terms)
    edge.direct = Direct(app, edge, same_site, hot)
    return edge


async def _render(request: Request, refusal: Refusal) -> Response:
    """A refusal for whoever asked: a page for browsers, a problem document for programs."""
    if getattr(request.app.state, "openziti", False) and openziti.speaks(request):
        return openziti.refused(refusal)
    wants_page = "text/html" in request.headers.get("accept", "")
    if wants_page and not request.url.path.startswith("/api/"):
        if is_fault(refusal):
            return await refusal_page(request, refusal)
        return await refusal_page(request, refusal, caller=await person_of(request))
    return problem_response(refusal)


async def _http_exception(request: Request, error: Exception) -> Response:
    """What routing itself refuses: unknown addresses and methods."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = BY_STATUS.get(status, "malformed")
    response = await _render(request, Refusal(code, support_code=support_code()))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


async def _home(_request: Request) -> Response:
    return RedirectResponse("/console", status_code=303)


def _health() -> list[BaseRoute]:
    return [
        Route("/healthz", _healthz),
        Route("/readyz", _readyz),
    ]


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _readyz(request: Request) -> Response:
    """Ready: the database answers, its clock agrees with ours (X08), and our keys are right."""
    store = services_of(request).store
    try:
        skew = await anyio.to_thread.run_sync(store.check)
    except StoreUnavailable:
        return JSONResponse({"status": "not ready", "reason": "database"}, status_code=503)
    if abs(skew) > MOST_SKEW:
        seconds = round(skew / SECOND, 1)
        return JSONResponse(
            {"status": "not ready", "reason": "clock", "seconds": seconds}, status_code=503
        )
    if reason := services_of(request).why_not_ready():
        return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)
    return JSONResponse({"status": "ready"})


async def _metrics(request: Request) -> Response:
    """Prometheus metrics, for the networks that may scrape them; on the web listener alone: what
    passes TLS on to the other one on this machine makes everybody look like this machine."""
    if not within(request.scope["enlist.address"], services_of(request).metrics_from):
        return problem_response(Refusal("not_found", support_code=support_code()))
    return await anyio.to_thread.run_sync(exposition)
