"""How public pages look: the style sheet of two colours, and logos by their digest.

The colours stand in the address of the sheet, so that it is the same for everybody who asks for it,
says nothing about any organization, and may be kept for ever. A logo's address is its digest, which
nobody knows who has not been shown it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from enlist.core.branding import TEXT_OF, Branding, landing_problem
from enlist.core.caller import Caller
from enlist.core.colours import shades, text_on
from enlist.core.ids import Id
from enlist.core.outcomes import Refusal
from enlist.store.tx import StoreUnavailable
from enlist.verbs.branding import Logo, PublicBranding
from enlist.web.callers import services_of, stranger

_STYLE: Final = re.compile(r"([0-9a-f]{6}|0)-([0-9a-f]{6}|0)")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class Look:
    """What a page shows of an organization.

    Attributes:
        style: address of its style sheet, "" where it has no colours.
        logo: address of its logo, "" where it has none.
        landing: where people go on after enrolling; "" where nobody may lead them any more.
        texts: what they read on the way, by its key; those of optional messages only where these
            are on, and "" where Enlist's own words stand for them.
    """

    style: str = ""
    logo: str = ""
    support_email: str = ""
    support_phone: str = ""
    help_text: str = ""
    landing: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


async def look_of(request: Request, organization_id: Id | None = None) -> Look:
    """How pages look for whoever holds something of this organization; else as the top one's."""
    services = services_of(request)
    found = await services.view(PublicBranding(organization_id), stranger(request))
    return Look() if isinstance(found, Refusal) else shown_as(found, services.tools.landing_hosts)


async def look_for(request: Request, caller: Caller) -> Look:
    """How a page looks for whoever is signed in, else as the top one's; Enlist's own where the
    database is away, so that the page can be shown all the same."""
    try:
        return await look_of(request, caller.organization_id)
    except StoreUnavailable:
        return Look()


def shown_as(found: Branding, hosts: frozenset[str]) -> Look:
    """What a page shows of what counts at an organization."""
    landing = found.value("landing_url")
    # The operator may have taken a host from the list since it was saved.
    allowed = bool(landing) and landing_problem(landing, hosts) is None
    return Look(
        style=f"/look/{found.style}.css" if found.style else "",
        logo=f"/look/{found.logo}.png" if found.logo else "",
        support_email=found.value("support_email"),
        support_phone=found.value("support_phone"),
        help_text=found.value("help_text"),
        landing=landing if allowed else "",
        texts=_texts(found),
    )


def _texts(found: Branding) -> dict[str, str]:
    texts = {key: found.value(key) for key in ("consent_text", "landing_text")}
    told = {TEXT_OF[each]: found.value(TEXT_OF[each]) for each in found.messages}
    return {key: text for key, text in texts.items() if text} | told


async def _style(request: Request) -> Response:
    """The style sheet of the colours in its address."""
    named = _STYLE.fullmatch(request.path_params["name"])
    if named is None:
        return Response(status_code=404)
    return Response(style_sheet(*named.groups()), media_type="text/css", headers=_FOR_EVER)


def style_sheet(accent: str, header: str) -> str:
    """The rules for an accent and a header, each six digits, or `0` where it is Enlist's own."""
    rules = []
    if accent != "0":
        shown = shades(f"#{accent}")
        rules.append(_accent(shown.light, shown.on_light))
        rules.append(f"@media (prefers-color-scheme:dark){{{_accent(shown.dark, shown.on_dark)}}}")
    if header != "0":
        ink = text_on(f"#{header}")
        rules.append(
            f".brand{{background:#{header};color:{ink};border-radius:.75rem;"
            "padding:.75rem 1rem;margin-bottom:1rem}"
            f".brand a{{color:{ink}}}.brand .logo{{background:none;padding:0}}"
        )
    return "\n".join(rules)


def _accent(colour: str, text: str) -> str:
    return f":root{{--accent:{colour};--accent-hover:{colour};--on-accent:{text}}}"


async def _logo(request: Request) -> Response:
    """A logo, for whoever knows its digest."""
    digest = request.path_params["name"]
    if not _DIGEST.fullmatch(digest):
        return Response(status_code=404)
    found = await services_of(request).view(Logo(digest), stranger(request))
    if found is None or isinstance(found, Refusal):
        return Response(status_code=404)
    return Response(found, media_type="image/png", headers=_FOR_EVER)


def routes() -> list[BaseRoute]:
    """What public pages fetch."""
    return [Route("/look/{name}.css", _style), Route("/look/{name}.png", _logo)]
