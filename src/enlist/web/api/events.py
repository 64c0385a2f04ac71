"""Events: the audit log, to look at and to take away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core.caller import CallerKind
from enlist.core.model import EventRow
from enlist.core.outcomes import FieldError, Refusal
from enlist.core.permissions import Permission
from enlist.core.secrets import support_code
from enlist.store import listing
from enlist.store.feed import SealedEvent as StoredEvent
from enlist.store.listing import MOST_PER_PAGE
from enlist.verbs import documents
from enlist.verbs.feed import ReadEvents, ReadOn
from enlist.verbs.views import ExportEvents, ListEvents
from enlist.verbs.views_details import ShowEvent
from enlist.verbs.views_overview import FindSupportCode
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.operations import Asking, Operations, Staff, shown
from enlist.web.api.revocations import sharing
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, IdGiven, Line, Moment, MomentGiven

operations: Final = Operations("Events")

_REST: Final = 0.5
"""Seconds between two looks of somebody who waits; events are sealed about as often."""


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


_SEALED: Final[JsonDict] = {
    **_EXAMPLE,
    "version": 1,
    "seq": 17,
    "organization": "main",
    "stage": "used",
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


class SealedEvent(Event):
    """An event with its place in the sealed log."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SEALED]})

    version: int
    """Of this form; a higher one may no longer have the same values."""
    seq: int
    """Its place, from 0 on; the next event has the next higher one."""
    organization: str
    stage: str
    """Which stage of its enrollment it marks, such as `issued` or `expired`; else empty."""

    @classmethod
    def of_sealed(cls, found: StoredEvent) -> SealedEvent:
        """An event of the feed."""
        return cls(**documents.sealed_event(found))


class EventFeed(Shown):
    """Events in the order of the sealed log, oldest first."""

    items: list[SealedEvent]
    cursor: str
    """Give it as `after` the next time, also where there are no items."""
    more: bool
    """Whether there is more to look through already."""

    @classmethod
    def of(cls, read: ReadOn) -> EventFeed:
        """What was read."""
        items = [SealedEvent.of_sealed(each) for each in read.items]
        return cls(items=items, cursor=read.cursor, more=read.more)


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
    since: MomentGiven | None = None
    """Only events of this moment or later."""
    before: MomentGiven | None = None
    """Only events before this moment."""
    flag: Literal["possible_interception", "possible_clone"] | None = None
    """Only refusals that may mean this: somebody else had a token first, or has a copy of a key."""


class EventQuery(EventFilters, Paging):
    """Sorts: `at`."""

    after: Annotated[str, Field(max_length=36, pattern="^[0-9A-Fa-f-]*$")] | None = None
    """Answer the feed instead, oldest first: what stands behind this cursor, or event id, in the
    order of the sealed log; all there is if it is empty. Goes with `kind`, `organization`, `limit`
    and `wait`."""
    wait: Annotated[float, Field(ge=0, le=30)] = 0
    """Of the feed: seconds to wait for an event where there is none yet."""


_FEED: Final = frozenset({"after", "kind", "organization", "limit", "wait"})


class ExportQuery(EventFilters):
    """Which events to take away."""

    after: IdGiven | None = None
    """Only events after this one."""
    search: Line = ""
    """Text that must occur, in any case of letters."""
    organization: Line = ""
    """Id or Group ID of the organization at and below which to look; your own if left out."""


@operations.staff("GET", "/events", Permission.EVENTS_READ, answers=Page[Event] | EventFeed)
async def list_events(
    asking: Staff, query: Annotated[EventQuery, Query()]
) -> Page[Event] | EventFeed | Refusal:
    """List events, newest first; with `after`, follow them in the order of the sealed log.

    An event is in the feed within a second. With each `cursor` given as the next `after`, nothing
    is left out, whatever was restarted meanwhile. After a restore from a backup a cursor may be
    unknown; then the feed begins anew.
    """
    if query.after is not None:
        return shown(await _follow(asking, query), EventFeed.of)
    if "wait" in query.model_fields_set:
        return _does_not_go("wait", "goes only with after")
    named = filters(query)
    named["filters"].pop("wait", None)
    found = await asking.see(ListEvents(**named))
    return shown(found, lambda page: Page.of(page, Event.of))


async def _follow(asking: Asking, query: EventQuery) -> ReadOn | Refusal:
    """What stands behind the cursor; waits for it for a while, where that is asked."""
    for name in sorted(query.model_fields_set - _FEED):
        return _does_not_go(name, "does not go with after")
    view = ReadEvents(query.after or "", query.organization, query.kind or "", query.limit)
    found = await asking.see(view)
    if not query.wait or isinstance(found, Refusal) or found.items:
        return found
    with ExitStack() as held:
        if not held.enter_context(asking.services.streams.taken(sharing(asking.caller))):
            return Refusal("try_later", support_code=support_code())
        return await _waited(asking, view, found, query.wait)


async def _waited(
    asking: Asking, view: ReadEvents, found: ReadOn, seconds: float
) -> ReadOn | Refusal:
    bell, clock = asking.services.bell, asyncio.get_running_loop().time
    until, read = clock() + seconds, found
    while not read.items and clock() < until and not bell.over:
        if not read.more:
            await asyncio.sleep(_REST)
        following = await asking.see_on(replace(view, after=read.cursor))
        if isinstance(following, Refusal):
            return following
        read = following
    return read


def _does_not_go(name: str, problem: str) -> Refusal:
    fields = (FieldError(name, problem),)
    return Refusal("validation_failed", fields=fields, support_code=support_code())


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
        following = await asking.see_on(replace(view, cursor=page.next_cursor))
        if isinstance(following, Refusal):  # the right to export ended while exporting
            asking.cut()
            return
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
