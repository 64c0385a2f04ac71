"""Placeholder until the adapter stands."""

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    """No routes yet."""
    return []
