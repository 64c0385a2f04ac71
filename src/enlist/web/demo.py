"""The demo's mailbox: what would have been sent, on a page and as JSON."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from enlist.web.callers import services_of
from enlist.web.pages import render


def routes() -> list[BaseRoute]:
    """Routes below `/demo`; only the demo has them."""
    return [
        Route("/demo/mailbox", _page),
        Route("/demo/mailbox.json", _json),
        Route("/demo/mailbox/{number:int}", _message),
    ]


async def _page(request: Request) -> Response:
    mailbox = services_of(request).mailbox
    messages = list(mailbox.messages()) if mailbox else []
    return render(request, "demo/mailbox.html", {"messages": messages})


async def _json(request: Request) -> Response:
    mailbox = services_of(request).mailbox
    messages = list(mailbox.messages()) if mailbox else []
    return JSONResponse({"items": [asdict(message) for message in messages]})


async def _message(request: Request) -> Response:
    mailbox = services_of(request).mailbox
    messages = list(mailbox.messages()) if mailbox else []
    number = request.path_params["number"]
    if not 0 <= number < len(messages):
        return render(request, "demo/mailbox.html", {"messages": messages}, status=404)
    return render(request, "demo/message.html", {"message": messages[number], "number": number})
