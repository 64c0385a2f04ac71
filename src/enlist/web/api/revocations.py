"""Revocations, for gateways and VPNs: in pages, or as a stream of server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import Header, Query
from fastapi.responses import StreamingResponse
from pydantic import ConfigDict, Field
from starlette.types import Receive, Scope, Send

from enlist.core.caller import SYSTEM, Caller
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.secrets import support_code
from enlist.store.revocations import Revocation as StoredRevocation
from enlist.store.tx import StoreUnavailable
from enlist.verbs import documents
from enlist.verbs.revocations import Read, ReadRevocations, TakeUpRevocations
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.operations import Asking, Operations, Staff
from enlist.web.boundary import GOES_ON
from enlist.web.connections import CUT
from enlist.web.services import STREAMED
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Revocations")

LONGEST: Final = 3600.0
"""Seconds after which a reader must come anew."""
SIGN_OF_LIFE: Final = 10.0
"""Seconds after which something is said, and what a wake-up did not tell is looked for."""
_REST: Final = 0.02
"""Seconds between two looks, however often the bell rings."""
_RETRY: Final = b"retry: 2000\n\n"

_EXAMPLE_FINGERPRINT: Final = "8f3c" * 16


class Revocation(Shown):
    """A certificate that counts no more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "cursor": f"17-{_EXAMPLE_FINGERPRINT[:16]}",
                    "serial": "5f3a9c0d4b6e48d7a1b2c3d4e5f60718",
                    "fingerprint": _EXAMPLE_FINGERPRINT,
                    "device_id": EXAMPLE_ID,
                    "organization": "main",
                    "organization_id": EXAMPLE_ID,
                    "reason": "lost",
                    "crl_reason": "keyCompromise",
                    "revoked_at": EXAMPLE_MOMENT,
                    "not_after": EXAMPLE_MOMENT,
                }
            ]
        }
    )

    cursor: str
    """Give it as `after` for what comes behind this revocation."""
    serial: str
    """32 hexadecimal digits."""
    fingerprint: str
    """SHA-256 of the certificate (DER), hexadecimal."""
    device_id: str
    organization: str
    """Where the certificate was issued."""
    organization_id: str
    reason: str
    crl_reason: str
    """The same in the words of RFC 5280; `unspecified` where it has none."""
    revoked_at: Moment
    not_after: Moment
    """When the certificate would have run out."""

    @classmethod
    def of(cls, found: StoredRevocation) -> Revocation:
        """A revocation of the store."""
        return cls(**documents.revocation(found))


class Revocations(Shown):
    """Some revocations in order."""

    items: list[Revocation]
    cursor: str
    """Give it as `after` the next time, also where there are no items."""
    more: bool
    """Whether there are more already."""


class StreamQuery(Body):
    """Where to begin, and whose."""

    after: Annotated[str, Field(max_length=40, pattern="^[0-9a-f-]*$")] = ""
    """Only what is behind this cursor; all whose certificates have not run out if left out."""
    organization: Line = ""
    """Id or Group ID of the organization at and below which to look; your own if left out."""


class RevocationQuery(StreamQuery):
    """Likewise, in pages."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    """How many revocations to show at most."""


@operations.staff("GET", "/revocations", Permission.REVOCATIONS_READ, answers=Revocations)
async def list_revocations(
    asking: Staff, query: Annotated[RevocationQuery, Query()]
) -> Revocations | Refusal:
    """List revoked certificates behind a cursor, oldest first.

    After a restore from a backup a cursor may be unknown; then the list begins anew.
    """
    read = await _read(asking, ReadRevocations(query.after, query.organization, query.limit))
    if isinstance(read, Refusal):
        return read
    items = [Revocation.of(each) for each in read.items]
    return Revocations(items=items, cursor=read.cursor, more=read.more)


class EventStream(StreamingResponse):
    """Server-sent events. What is held for them is let go at their end, whichever that is."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], held: ExitStack) -> None:
        # nginx would else keep what is said until there is much of it.
        super().__init__(events, headers={"x-accel-buffering": "no"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            # Who reads nothing keeps `send` waiting, and so never hears that his time is over.
            late, loop = LONGEST + SIGN_OF_LIFE, asyncio.get_running_loop()
            self._held.callback(loop.call_later(late, scope.get(CUT, _unconnected)).cancel)
            await super().__call__(scope, receive, send)


def _unconnected() -> None:
    """Where a request came over no connection of ours."""


@operations.staff("GET", "/revocations/stream", Permission.REVOCATIONS_READ, answers=EventStream)
async def stream_revocations(
    asking: Staff,
    query: Annotated[StreamQuery, Query()],
    last_event_id: Annotated[
        str | None, Header(max_length=40, description="Counts more than `after`.")
    ] = None,
) -> EventStream | Refusal:
    """Follow revocations as server-sent events, each as soon as it is committed.

    The `id` of an event is its cursor, its data what the list shows. Ends after an hour, and when
    the right to read has ended; come again with the last cursor, as browsers do by themselves.
    """
    after = query.after if last_event_id is None else last_event_id
    view = ReadRevocations(after, query.organization)
    with ExitStack() as held:
        if not held.enter_context(asking.services.streams.taken(sharing(asking.caller))):
            return Refusal("try_later", support_code=support_code())
        rung = asking.services.bell.rung()
        first = await _read(asking, view)
        if isinstance(first, Refusal):
            return first
        asking.request.scope[GOES_ON] = True
        return EventStream(_events(asking, view, first, rung), held.pop_all())


def sharing(caller: Caller) -> str:
    """Whose places a reader's stream is one of: an organization below the topmost has all that is
    below it in common, or it could have more of them by making organizations.
    """
    return "/".join(caller.home.split("/")[:2])


async def _events(
    asking: Asking, view: ReadRevocations, first: Read, rung: int
) -> AsyncIterator[bytes]:
    """What there is, and then what comes, until the reader, his right or the server goes."""
    bell, clock = asking.services.bell, asyncio.get_running_loop().time
    until, read = clock() + LONGEST, first
    yield _RETRY + _told(first)
    while clock() < until:
        if not read.more:
            await bell.wait(rung, SIGN_OF_LIFE)
            await asyncio.sleep(_REST)
        if bell.over:
            return
        rung = bell.rung()
        found = await _again(asking, replace(view, after=read.cursor))
        if isinstance(found, Refusal):
            return
        yield _told(found)
        read = found


async def _again(asking: Asking, view: ReadRevocations) -> Read | Refusal:
    """The next ones, for somebody who may still read them; a database that is away ends it."""
    try:
        now = await asking.still()
        return now if isinstance(now, Refusal) else await _read(now, view)
    except StoreUnavailable:
        return Refusal("try_later")


async def _read(asking: Asking, view: ReadRevocations) -> Read | Refusal:
    """Read the feed, with all that was revoked before."""
    verb: Any = TakeUpRevocations()
    while True:
        taken = await asking.services.perform(verb, SYSTEM)
        if isinstance(taken, Refusal) or not taken.value:
            return await asking.see(view)


def _told(read: Read) -> bytes:
    """Revocations as events; a comment, which readers pass over, where there are none."""
    if not read.items:
        return b":\n\n"
    STREAMED.inc(len(read.items))
    return b"".join(map(_event, map(Revocation.of, read.items)))


def _event(found: Revocation) -> bytes:
    data = found.model_dump_json()
    return f"id: {found.cursor}\nevent: revocation\ndata: {data}\n\n".encode()
