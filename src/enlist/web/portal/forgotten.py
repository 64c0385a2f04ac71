"""Somebody forgot his password: he names himself, and a link is sent to the address that he has.

The page answers alike whoever was named, so it tells nobody which accounts there are (S07).
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.verbs.channels import EMAIL
from enlist.verbs.password_links import AskForPasswordLink
from enlist.web.callers import services_of, stranger
from enlist.web.forms import read_form
from enlist.web.look import look_of
from enlist.web.pages import refusal_page, render
from enlist.web.problems import headers_of, status_of

FORGOTTEN: Final = "/forgot-password"


async def show_forgotten(request: Request) -> Response:
    """The field for the user name or e-mail address."""
    return await _page(request)


async def ask(request: Request) -> Response:
    """Send a link, if there is anybody to send one to.

    Refusals: `malformed`, and those of AskForPasswordLink.
    """
    form = await read_form(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form)
    named = form.get("named", "").strip()[:254]
    outcome = await services_of(request).perform(AskForPasswordLink(named), stranger(request))
    if isinstance(outcome, Refusal):
        return await _page(request, named, outcome)
    return await _page(request, sent=True)


async def _page(
    request: Request, named: str = "", refusal: Refusal | None = None, *, sent: bool = False
) -> Response:
    context = {
        "named": named,
        "sent": sent,
        "by_mail": EMAIL in services_of(request).tools.channels,
        "refusal": refusal,
        "meanings": CATALOGUE,
    }
    status = status_of(refusal) if refusal else 200
    look = await look_of(request)
    response = render(request, "portal/forgotten.html", context, status=status, look=look)
    if refusal is not None:
        response.headers.update(headers_of(refusal))
    return response
