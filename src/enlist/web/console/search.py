"""Search over everything, and the organizations to switch to.

Search looks through devices, users, organizations, ids and support codes, and through the pages of
the console, also by the words that other products have for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.verbs.views import ListOrganizations
from enlist.verbs.views_overview import SearchEverything
from enlist.web.console import navigation, words
from enlist.web.console.describing import describe
from enlist.web.console.layout import Desk, page
from enlist.web.console.navigation import Entry

_MOST_PAGES = 5
_MOST_PLACES = 50
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of the console, and the name by which it was found."""

    entry: Entry
    by: str


async def search(desk: Desk) -> Response:
    """Everything that a text finds; the finder swaps the results out of this page."""
    text = desk.request.query_params.get("q", "").strip()[:_LONGEST]
    hits = await desk.view(SearchEverything(text))
    if isinstance(hits, Refusal):
        return desk.refuse(hits)
    support = hits.support_code
    context = {
        "text": text,
        "hits": hits,
        "pages": pages(desk, text),
        "support": describe(support.event, desk.caller.language)
        if support and support.event
        else None,
        "words": words,
    }
    return desk.show("console/search.html", context)


def pages(desk: Desk, text: str) -> list[FoundPage]:
    """The pages whose name, or whose name elsewhere, fits the text."""
    found = []
    for entry in navigation.entries():
        by = navigation.found(text, desk.gettext(entry.label), (entry.label, *entry.words))
        if by is not None and desk.may(entry.permission):
            found.append(FoundPage(entry, by))
    return found[:_MOST_PAGES]


async def switch(desk: Desk) -> Response:
    """The organizations that somebody may change to, each with the same page."""
    text = desk.request.query_params.get("q", "").strip()[:_LONGEST]
    section = desk.request.query_params.get("page", "")
    there = navigation.current(section)
    top = desk.place.trail[0] if desk.place.trail else desk.organization
    found = await desk.view(ListOrganizations(top.id, search=text, limit=_MOST_PLACES))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "text": text,
        "section": "" if there == navigation.NOWHERE else there,
        "page": found,
        "top": top,
    }
    return desk.show("console/switch.html", context)


ROUTES = [page("search", search), page("switch", switch)]
