"""Terms of use as people read them: on a page of their own, and beside the box that they tick."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.verbs.agreeing import PATH
from enlist.verbs.terms import ReadTerms
from enlist.web.callers import services_of, stranger
from enlist.web.look import look_of
from enlist.web.markdown import rendered
from enlist.web.pages import refusal_page, render


@dataclass(frozen=True, slots=True)
class Shown:
    """Terms of use in the reader's language.

    Attributes:
        address: of the page that shows nothing else.
    """

    id: str
    version: int
    published_at: int
    organization: str
    organization_id: str
    language: str
    title: str
    html: Markup
    address: str


async def terms_shown(request: Request, terms_id: str, *, below: int = 2) -> Shown | Refusal:
    """A version as this visitor reads it."""
    reader = stranger(request)
    found = await services_of(request).view(ReadTerms(terms_id), reader)
    if isinstance(found, Refusal):
        return found
    text = found.terms.text([reader.language])
    return Shown(
        found.terms.id,
        found.terms.version,
        found.terms.published_at,
        found.organization,
        found.terms.organization_id,
        text.language,
        text.title,
        rendered(text.body, below=below),
        f"{PATH}/{found.terms.id}",
    )


async def show_terms(request: Request) -> Response:
    """A version by itself, for whoever was told its address."""
    found = await terms_shown(request, request.path_params["terms_id"], below=1)
    if isinstance(found, Refusal):
        return await refusal_page(request, found)
    look = await look_of(request, found.organization_id)
    return render(request, "enroll/terms.html", {"terms": found}, look=look)
