"""Placeholder until the adapter stands."""

from starlette.applications import Starlette
from starlette.types import ASGIApp

from enlist.web.services import Services


def api_application(services: Services) -> ASGIApp:
    """No operations yet."""
    app = Starlette()
    app.state.services = services
    return app
