"""Pages: Jinja2 templates with what every page needs: language, time zone, who is signed in.

Texts are wrapped for translation (`{{ _('…') }}`). Moments are shown through the `moment` filter,
always with their zone. A refusal has one look, wherever it comes up.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_datetime, format_timedelta
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import SECOND, rfc3339, to_datetime
from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.locales import locale_of, translations
from enlist.web import moments
from enlist.web.callers import services_of, stranger
from enlist.web.look import Look, look_for
from enlist.web.problems import headers_of, is_fault, status_of

_FOLDER: Final = Path(__file__).parent


@functools.cache
def environment(language: str) -> Environment:
    """The templates in one language; made once."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(  # type: ignore[attr-defined]  # the extension adds it
        translations(language), newstyle=True
    )
    made.filters["moment"] = _moment
    made.filters["in_full"] = _in_full
    made.filters["clock"] = _clock
    made.filters["ago"] = _ago
    made.filters["day"] = _day
    made.filters["at_joint"] = _at_joint
    made.filters["host"] = _host
    return made


def _at_joint(address: str) -> Markup:
    """An e-mail address that goes on in the next line at its @, before anything else is torn."""
    return Markup("<wbr>@").join(address.split("@"))


def _host(address: str) -> str:
    """Where a link leads, in words that cannot lie about it."""
    return urlsplit(address).hostname or ""


def render(
    request: Request,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    caller: Caller | None = None,
    status: int = 200,
    zone: str = "UTC",
    look: Look | None = None,
) -> Response:
    """A page.

    Args:
        template: its path below `templates/`.
        caller: whoever looks at it; a stranger where nothing is known.
        zone: IANA name of the time zone in which moments are shown.
        look: of the organization that it is shown for; Enlist's own where there is none.
    """
    services = services_of(request)
    who = caller or stranger(request)
    text = (
        environment(who.language)
        .get_template(template)
        .render(
            {
                "request": request,
                "path": request.url.path,
                "caller": who,
                "signed_in": who.kind is CallerKind.USER,
                "language": who.language,
                "zone": zone,
                "look": look,
                "now": services.tools.clock(),
                "version": services.version,
                "demo": services.mailbox is not None,
                "static": f"/static/{services.version}",
                **(context or {}),
            }
        )
    )
    return HTMLResponse(text, status_code=status)


async def refusal_page(
    request: Request, refusal: Refusal, *, caller: Caller | None = None, staff: bool = False
) -> Response:
    """A refusal as a page: what is wrong, what to do, and a support code."""
    who = caller or stranger(request)
    fault = is_fault(refusal)
    detail = translations(who.language).gettext(refusal.detail) if refusal.detail else ""
    response = render(
        request,
        "refusal.html",
        {
            "refusal": replace(refusal, detail=detail),
            "meaning": CATALOGUE[refusal.code],
            "fault": fault,
        },
        caller=who,
        status=status_of(refusal, staff=staff),
        # What is broken may be what the look is read from.
        look=None if fault else await look_for(request, who),
    )
    response.headers.update(headers_of(refusal))
    return response


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@pass_context
def _moment(context: Context, value: int | None, style: str = "medium") -> Markup:
    """A moment in the viewer's zone and language, with the zone's short name (X07)."""
    if value is None:
        return Markup("—")
    zone = _zone(context["zone"])
    local = to_datetime(value).astimezone(zone)
    locale = locale_of(context["language"])
    shown = format_datetime(local, style, tzinfo=zone, locale=locale)
    name = moments.zone_label(local, locale)
    return Markup('<time datetime="{}">{} {}</time>').format(rfc3339(value), shown, name)


@pass_context
def _in_full(context: Context, value: int) -> Markup:
    """A moment for a person who must act on it: with weekday, zone and distance from UTC."""
    shown = moments.in_full(value, _zone(context["zone"]), locale_of(context["language"]))
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(value), shown)


@pass_context
def _clock(context: Context, value: int) -> Markup:
    """A moment within the next minutes: the time alone, with its zone."""
    shown = moments.clock(value, _zone(context["zone"]), locale_of(context["language"]))
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(value), shown)


@pass_context
def _day(context: Context, value: date) -> str:
    return moments.day(value, locale_of(context["language"]))


@pass_context
def _ago(context: Context, value: int | None) -> Markup:
    """How long ago, or how long from now, with the exact moment as a tooltip."""
    if value is None:
        return Markup("—")
    delta = round((value - context["now"]) / SECOND)
    # What has just happened is past: "in 0 seconds" is no answer to "when was it used?".
    delta = delta or -1
    shown = format_timedelta(delta, add_direction=True, locale=locale_of(context["language"]))
    exact = to_datetime(value).astimezone(_zone(context["zone"])).strftime("%Y-%m-%d %H:%M:%S %Z")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(rfc3339(value), exact, shown)
