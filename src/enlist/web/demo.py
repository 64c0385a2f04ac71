"""The demo's mailbox: what would have been sent, on a page and as JSON.

Messages are shown as a mail client would: the HTML part in a frame of its own that may do nothing
but be looked at and have its links followed. Two of these routes loosen the content policy, and
only the demo has them.
"""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import Final

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from enlist.core.outcomes import Refusal
from enlist.core.secrets import support_code
from enlist.delivery.channels import CapturedMessage
from enlist.web.boundary import CONTENT_POLICY
from enlist.web.callers import person_of, services_of
from enlist.web.pages import refusal_page, render

_FRAMING: Final = f"{CONTENT_POLICY}; frame-src 'self'"
_FRAMED: Final = (
    "sandbox allow-top-navigation-by-user-activation; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'self'; frame-ancestors 'self'"
)
_LINK: Final = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


def routes() -> list[BaseRoute]:
    """Routes below `/demo`; only the demo has them."""
    return [
        Route("/demo/mailbox", _page),
        Route("/demo/mailbox.json", _json),
        Route("/demo/mailbox/{number:int}", _message),
        Route("/demo/mailbox/{number:int}/html", _html),
        Route("/demo/mailbox/{number:int}/attachment", _attachment),
    ]


def _messages(request: Request) -> list[tuple[int, CapturedMessage]]:
    """Messages newest first, each with a number that stays its own while others arrive."""
    mailbox = services_of(request).mailbox
    found = list(mailbox.messages()) if mailbox else []
    return [(len(found) - place, message) for place, message in enumerate(found)]


def _numbered(request: Request) -> CapturedMessage | None:
    number = request.path_params["number"]
    return next((message for own, message in _messages(request) if own == number), None)


async def _page(request: Request) -> Response:
    return render(request, "demo/mailbox.html", {"messages": _messages(request)})


async def _json(request: Request) -> Response:
    items = [
        {"number": number, **asdict(replace(message, attachment=None, pictures=()))}
        for number, message in _messages(request)
    ]
    return JSONResponse({"items": items})


async def _message(request: Request) -> Response:
    message = _numbered(request)
    if message is None:
        return await _missing(request)
    context = {
        "message": message,
        "number": request.path_params["number"],
        "text": _linked(message.text),
    }
    response = render(request, "demo/message.html", context)
    response.headers["content-security-policy"] = _FRAMING
    return response


async def _html(request: Request) -> Response:
    """The HTML part alone, for the frame, which its links leave: our pages refuse to be framed."""
    message = _numbered(request)
    if message is None:
        return await _missing(request)
    shown = re.sub(r"(<head[^>]*>)", r'\1<base target="_top">', message.html, count=1)
    for picture in message.pictures:
        shown = shown.replace(f"cid:{picture.name}", picture.data_uri)
    return HTMLResponse(shown, headers={"content-security-policy": _FRAMED})


async def _attachment(request: Request) -> Response:
    """The file that comes with a message."""
    message = _numbered(request)
    if message is None or message.attachment is None:
        return await _missing(request)
    file = message.attachment
    told = {"content-disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type=file.media_type, headers=told)


async def _missing(request: Request) -> Response:
    refusal = Refusal("not_found", support_code=support_code())
    return await refusal_page(request, refusal, caller=await person_of(request))


def _linked(text: str) -> Markup:
    """The text part with its addresses as links."""
    parts, end = [Markup()], 0
    for found in _LINK.finditer(text):
        parts.append(escape(text[end : found.start()]))
        parts.append(Markup('<a href="{0}">{0}</a>').format(found[0]))
        end = found.end()
    return Markup().join([*parts, escape(text[end:])])
