"""Events: the audit log, to look at and to take away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import ConfigDict
from pydantic.config import JsonDict

from enlist.core.caller import CallerKind
from enlist.core.model import EventRow
from enlist.core.outcomes import Refusal
from enlist.core.policy import Permission
from enlist.store import listing
from enlist.store.listing import MOST_PER_PAGE
from enlist.verbs import documents
from enlist.verbs.views import ExportEvents, ListEvents
from enlist.verbs.views_details import ShowEvent
from enlist.verbs.views_overview import FindSupportCode
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.operations import Asking, Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, IdGiven, Line, Moment, MomentGiven

operations: Final = Operations("Events")


_EXAMPLE: Final[JsonDict] = {
    "id": EXAMPLE_ID,
    "at": EXAMPLE_MOMENT,
    "kind": "enrollment.redeemed",
    "actor_kind": "stranger",
    "actor_id": None,
    "organization_id": EXAMPLE_ID,
    "user_id": EXAMPLE_ID,
    "device_id": EXAMPLE_ID,
    "enrollment_id": EXAMPLE_ID,
    "support_code": "",
    "data": {"grant": "registration_token", "platform": "linux"},
    "personal": {"user": "ada", "device": "Ada's laptop", "address": "192.0.2.7"},
}


class Event(Shown):
    """One line of the audit log."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    at: Moment
    kind: str
    actor_kind: CallerKind
    actor_id: str | None
    organization_id: str | None
    user_id: str | None
    device_id: str | None
    enrollment_id: str | None
    support_code: str
    """What whoever was refused was shown."""
    data: dict[str, Any]
    personal: dict[str, str]
    """Names and addresses; empty once they were erased."""

    @classmethod
    def of(cls, found: EventRow) -> Event:
        """An event of the store."""
        return cls(**documents.event(found))


class SupportCode(Shown):
    """What a support code stands for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "BCDF-GHJK-L", "event": _EXAMPLE, "answer": ""}]}
    )

    code: str
    event: Event | None
    answer: str
    """Where no event has it: why."""


class EventFilters(Body):
    """Which events."""

    kind: Line | None = None
    actor_kind: CallerKind | None = None
    user: Line | None = None
    """Id or user name."""
    device: IdGiven | None = None
    enrollment: IdGiven | None = None
    support_code: Line | None = None
    after: IdGiven | None = None
    """Only events after this one."""
    since: MomentGiven | None = None
    """Only events of this moment or later."""
    before: MomentGiven | None = None
    """Only events before this moment."""
    flag: Literal["possible_interception", "possible_clone"] | None = None
    """Only refusals that may mean this: somebody else had a token first, or has a copy of a key."""


class EventQuery(EventFilters, Paging):
    """Sorts: `at`."""


class ExportQuery(EventFilters):
    """Which events to take away."""

    search: Line = ""
    """Text that must occur, in any case of letters."""
    organization: Line = ""
    """Id or Group ID of the organization at and below which to look; your own if left out."""


@operations.staff("GET", "/events", Permission.EVENTS_READ, answers=Page[Event])
async def list_events(
    asking: Staff, query: Annotated[EventQuery, Query()]
) -> Page[Event] | Refusal:
    """List events, newest first."""
    found = await asking.see(ListEvents(**filters(query)))
    return shown(found, lambda page: Page.of(page, Event.of))


class JsonLines(StreamingResponse):
    """One JSON value per line."""

    media_type = "application/jsonl"


@operations.staff("GET", "/events/export", Permission.EVENTS_EXPORT, answers=JsonLines)
async def export_events(
    asking: Staff, query: Annotated[ExportQuery, Query()]
) -> JsonLines | Refusal:
    """Take events away as JSON lines, oldest first.

    Each line holds an event as the list shows it, and `entry`: the canonical JSON that the log is
    sealed over, as a text. To go on later, give the last line's `id` as `after`.
    """
    named = query.model_dump(mode="json", exclude={"organization", "search"}, exclude_none=True)
    view = ExportEvents(
        organization=query.organization,
        search=query.search,
        filters={name: str(value) for name, value in named.items()},
        sort="at",
        limit=MOST_PER_PAGE,
    )
    first = await asking.see(view)
    if isinstance(first, Refusal):
        return first
    headers = {"content-disposition": 'attachment; filename="events.jsonl"'}
    return JsonLines(_lines(asking, view, first), headers=headers)


async def _lines(
    asking: Asking, view: ExportEvents, page: listing.Page[EventRow]
) -> AsyncIterator[bytes]:
    """Page after page, so that neither memory nor a transaction grows with the log."""
    while True:
        yield b"".join(_line(row) for row in page.items)
        if page.next_cursor is None:
            return
        following = await asking.see(replace(view, cursor=page.next_cursor))
        if isinstance(following, Refusal):
            raise ConnectionResetError("the right to export ended while exporting")
        page = following


def _line(row: EventRow) -> bytes:
    value = {**Event.of(row).model_dump(mode="json"), "entry": row.entry}
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


@operations.staff("GET", "/events/{event_id}", Permission.EVENTS_READ, answers=Event)
async def show_event(asking: Staff, event_id: str) -> Event | Refusal:
    """Show an event."""
    found = await asking.see(ShowEvent(event_id))
    return shown(found, Event.of)


@operations.staff("GET", "/support-codes/{code}", Permission.EVENTS_READ, answers=SupportCode)
async def find_support_code(asking: Staff, code: str) -> SupportCode | Refusal:
    """Find out what somebody was really refused for, by the code that he was shown."""
    found = await asking.see(FindSupportCode(code))
    return shown(
        found,
        lambda each: SupportCode(
            code=each.code,
            event=Event.of(each.event) if each.event else None,
            answer=each.answer,
        ),
    )
