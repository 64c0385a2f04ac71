"""Events: the audit log in plain words, and what a support code stands for.

Filters stand in the address, those of other pages too: a device's page leads here with its id.
Taking events away is the API's (`GET /api/v1/events/export`): the same right, the same lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from enlist.core.clock import DAY, HOUR, rfc3339
from enlist.core.events import KINDS
from enlist.core.ids import Id
from enlist.core.model import EventRow
from enlist.core.outcomes import Refusal
from enlist.core.secrets import parse_code, strip_typing
from enlist.store.listing import Page
from enlist.verbs.clones import POSSIBLE_CLONE
from enlist.verbs.views import ListEvents
from enlist.verbs.views_details import (
    ShowDevice,
    ShowEnrollment,
    ShowEvent,
    ShowOrganization,
    ShowUser,
)
from enlist.verbs.views_overview import FindSupportCode, SupportCode
from enlist.web.console.describing import describe, describe_all
from enlist.web.console.forms import from_picker
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import ListQuery, read_query
from enlist.web.console.navigation import N_
from enlist.web.console.timeline import INTERCEPTION
from enlist.web.console.words import Word

ACTORS: Final = {
    "user": Word(N_("people signed in")),
    "api_key": Word(N_("API keys")),
    "host": Word(N_("the command line")),
    "device": Word(N_("devices")),
    "stranger": Word(N_("somebody not signed in")),
    "system": Word(N_("Enlist itself")),
}

PERIODS: Final = {
    "hour": (HOUR, Word(N_("the last hour"))),
    "day": (DAY, Word(N_("the last 24 hours"))),
    "week": (7 * DAY, Word(N_("the last 7 days"))),
    "month": (30 * DAY, Word(N_("the last 30 days"))),
}

FLAGS: Final = {
    INTERCEPTION: Word(N_("Possible interception of a token")),
    POSSIBLE_CLONE: Word(N_("Possible copy of a device's key")),
}
"""Refusals that stand out, as the filter of kinds offers them."""

_ABOUT: Final = ("device", "user", "enrollment")
_PERIOD: Final = ("from", "until")
_FILTERS: Final = ("kind", "actor_kind", "since", *_PERIOD, *_ABOUT)
_ABOUT_PLACES: Final = (
    "settings.changed",
    "branding.changed",
    "organization.changed",
    "organization.domains_changed",
)
_CODE_LETTERS: Final = 9


async def show_list(desk: Desk) -> Response:
    """Events of the organization in force and below, newest first."""
    query = read_query(desk.request, _FILTERS)
    code = await _support_code(desk, query.search)
    asked = query.asked | {"filters": _asked(desk, query)}
    found: Page[EventRow] | Refusal = Page(())
    if code is None:
        found = await desk.view(ListEvents(desk.group_id, **asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "query": query,
        "page": found,
        "items": describe_all(found.items, desk.caller.language, await _places(desk, found.items)),
        "code": code,
        "code_item": describe(code.event, desk.caller.language) if code and code.event else None,
        "mistyped": not code and not found.items and _looks_like_code(query.search),
        "kinds": _kinds(),
        "actors": ACTORS,
        "periods": {name: word for name, (_, word) in PERIODS.items()},
        "about": await _about(desk, query),
        "export": _export(desk, query),
    }
    return desk.show("console/events.html", context)


async def show_event(desk: Desk) -> Response:
    """One event: everything that is known of it, and its canonical entry."""
    named = str(desk.request.path_params["id"])
    here = await desk.view(ListEvents(desk.group_id, filters={"id": named}, limit=1))
    if isinstance(here, Refusal) or not here.items:
        anywhere = await desk.view(ShowEvent(named))
        if isinstance(anywhere, Refusal):
            return desk.refuse(anywhere)
        # It belongs to another organization that this person may see.
        place = anywhere.organization_id or ""
        return RedirectResponse(desk.address(desk.here, at=place), status_code=303)
    event = here.items[0]
    context = {
        "event": event,
        "item": describe(event, desk.caller.language, await _places(desk, [event])),
        "links": await _links(desk, event),
        "hidden": not desk.may("staff:read"),
        "forgotten": sorted(set(json.loads(event.entry)["personal"]) - set(event.personal)),
    }
    return desk.show("console/event.html", context)


async def _places(desk: Desk, found: Sequence[EventRow]) -> dict[Id, str]:
    """Names of the organizations that events are about without naming them."""
    named: dict[Id, str] = {}
    for event in found:
        place = event.organization_id
        if event.kind in _ABOUT_PLACES and place and place not in named:
            detail = await desk.view(ShowOrganization(place))
            named[place] = "" if isinstance(detail, Refusal) else detail.organization.name
    return named


def _asked(desk: Desk, query: ListQuery) -> dict[str, str]:
    """The filters as the log takes them: of both ways to say since when, the later counts."""
    filters = dict(query.filters)
    if filters.get("kind") in FLAGS:
        filters["flag"] = filters.pop("kind")
    period = PERIODS.get(filters.pop("since", ""))
    start = from_picker(filters.pop("from", ""), desk.zone)
    end = from_picker(filters.pop("until", ""), desk.zone)
    starts = [desk.now - period[0]] if period else []
    starts += [start] if start is not None else []
    if starts:
        filters["since"] = str(max(starts))
    if end is not None:
        filters["before"] = str(end)
    return filters


def _export(desk: Desk, query: ListQuery) -> str:
    """Where the filtered events can be taken away as JSON lines; "" where they may not."""
    if not desk.may("events:export"):
        return ""
    asked = {"organization": desk.group_id, "search": query.search, **_asked(desk, query)}
    for name in ("since", "before"):
        if name in asked:
            asked[name] = rfc3339(int(asked[name]))
    return f"/api/v1/events/export?{urlencode({n: v for n, v in asked.items() if v})}"


def _kinds() -> dict[str, Word]:
    """What can have happened, for the filter, each in one short clause."""
    kinds = {kind: Word(text.partition(";")[0].rstrip(".")) for kind, text in KINDS.items()}
    return FLAGS | kinds


async def _support_code(desk: Desk, text: str) -> SupportCode | None:
    """What is behind a support code, if it is one that was typed."""
    if parse_code(text) is None:
        return None
    found = await desk.view(FindSupportCode(text))
    return None if isinstance(found, Refusal) else found


def _looks_like_code(text: str) -> bool:
    letters = strip_typing(text)
    return "-" in text and len(letters) == _CODE_LETTERS and letters.isalnum()


async def _about(desk: Desk, query: ListQuery) -> list[tuple[str, str, str]]:
    """What the list is narrowed to by other pages: filter, label, name."""
    labels = {
        "device": desk.gettext("Device"),
        "user": desk.gettext("User"),
        "enrollment": desk.gettext("Enrollment"),
    }
    return [
        (name, labels[name], await _name(desk, name, query.filters[name]) or query.filters[name])
        for name in _ABOUT
        if name in query.filters
    ]


async def _name(desk: Desk, what: str, named: str) -> str:
    """What something is called; "" where it is gone, or not for this person."""
    if what == "device":
        device = await desk.view(ShowDevice(named))
        return "" if isinstance(device, Refusal) else device.device.name
    if what == "user":
        user = await desk.view(ShowUser(named))
        return "" if isinstance(user, Refusal) else user.user.display_name
    found = await desk.view(ShowEnrollment(named))
    if isinstance(found, Refusal):
        return ""
    return found.enrollment.device_name or found.enrollment.id


async def _links(desk: Desk, event: EventRow) -> Mapping[str, tuple[str, str]]:
    """Address and name of what the event is about, as far as it is still there."""
    told = {"device": event.device_id, "user": event.user_id, "enrollment": event.enrollment_id}
    links = {}
    for what, found in told.items():
        if found and (name := await _name(desk, what, found)):
            links[what] = (desk.address(f"{what}s", found), name)
    return links


ROUTES = [page("events", show_list), page("events/{id}", show_event)]
