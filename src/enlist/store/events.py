"""Writing and reading the audit log. Rows are only ever added; triggers see to that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Event, Happening, canonical, make_events
from enlist.core.ids import LATEST, Id, least_id
from enlist.core.model import EventRow
from enlist.core.outcomes import Refusal
from enlist.store.ahead import ReadAhead
from enlist.store.listing import NAMED_WITHIN, Listing, Page, PageRequest
from enlist.store.narrowing import Narrowing
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx
from enlist.store.users import NOT_STAFF

INSERT_EACH = SetQuery(
    "event.insert_each",
    """id uuid, at bigint, kind text, actor_kind text, actor_id uuid, organization_id uuid,
    user_id uuid, device_id uuid, enrollment_id uuid, support_code text, entry text,
    personal text, salt bytea""",
    """
    INSERT INTO event (id, at, kind, actor_kind, actor_id, organization_id, user_id, device_id,
                       enrollment_id, support_code, entry, personal, salt)
    SELECT id, at, kind, actor_kind, actor_id,
           COALESCE(organization_id, (SELECT o.id FROM organization o WHERE o.parent_id IS NULL)),
           user_id, device_id, enrollment_id, support_code, entry, personal, salt
      FROM asked
    """,
)

FIELDS = """e.id, e.at, e.kind, e.actor_kind, e.actor_id, e.organization_id, e.user_id,
           e.device_id, e.enrollment_id, e.support_code, e.entry, e.personal"""
"""The columns of which `event_of` makes an event."""

_COLUMNS = f"""
    SELECT {FIELDS}
      FROM event e JOIN organization o ON o.id = e.organization_id
"""

NOT_ABOUT_STAFF = f"""
    {NOT_STAFF.format(user="e.user_id")}
    AND e.kind NOT LIKE 'api_key.%' AND e.kind NOT LIKE 'role.%'
    AND (e.user_id IS NOT NULL OR e.device_id IS NOT NULL OR e.enrollment_id IS NOT NULL
         OR e.actor_kind IN ('stranger', 'device', 'system'))"""
"""Condition for those who may not see people who hold roles."""

_FLAGGED = """{event}.kind LIKE '%.refused'
    AND {event}.entry LIKE '%"flag":"' || :{flag} || '"%'"""
"""The entry is canonical JSON, so this text stands in it exactly where the flag was set. Only
refusals are flagged, which the kind tells without reading through the entry."""

_LIST = Listing(
    "events",
    f"{_COLUMNS} WHERE 1 = 1",
    id="e.id",
    path="o.path",
    sorts={"at": "e.id"},
    default_sort="-at",
    filters={
        "id": "e.id = :id",
        "kind": "e.kind = :kind",
        "actor_kind": "e.actor_kind = :actor_kind",
        "user": "e.user_id = :user",
        "device": "e.device_id = :device",
        "enrollment": "e.enrollment_id = :enrollment",
        "support_code": "e.support_code = :support_code",
        "after": "e.id > :after",
        # The ids say where in the log to look, the moments what belongs to it.
        "since": "e.at >= CAST(:since AS bigint) AND e.id >= :since_id",
        "before": "e.at < CAST(:before AS bigint) AND e.id < :before_id",
        "flag": _FLAGGED.format(event="e", flag="flag"),
        # Its value is a flag, too: the newest such event about a device that holds what it held
        # then, and may use it.
        "unanswered": f"""
            {_FLAGGED.format(event="e", flag="unanswered")}
            AND (EXISTS (SELECT 1 FROM credential held JOIN device ON device.id = held.device_id
                          WHERE held.enrollment_id = e.enrollment_id AND held.revoked_at IS NULL
                            AND device.state <> 'blocked')
                 OR EXISTS (SELECT 1 FROM device bare
                             WHERE bare.id = e.device_id AND bare.state = 'enrolled'
                               AND NOT EXISTS (SELECT 1 FROM credential given
                                                WHERE given.enrollment_id = e.enrollment_id)
                               AND NOT EXISTS (SELECT 1 FROM enrollment newer
                                                WHERE newer.device_id = bare.id
                                                  AND newer.id > e.enrollment_id)))
            AND NOT EXISTS (SELECT 1 FROM event later
                             WHERE later.device_id = e.device_id AND later.id > e.id
                               AND later.enrollment_id = e.enrollment_id
                               AND {_FLAGGED.format(event="later", flag="unanswered")})""",
        "without_staff": NOT_ABOUT_STAFF,
    },
    search=("e.kind", "e.entry", "COALESCE(e.personal, '')"),
    veil={
        # What is shown of the personal values is up to the view; none may be found by them.
        "COALESCE(e.personal, '')": f"""CASE WHEN e.user_id IS NULL OR e.user_id IN (
            SELECT u.id FROM app_user u
             WHERE {NAMED_WITHIN}) THEN COALESCE(e.personal, '') ELSE '' END""",
    },
    narrowing=Narrowing("events", "event"),
)

_FIRST_USE = Query(
    "event.first_use",
    """
    SELECT e.at, e.personal FROM event e
     WHERE e.enrollment_id = :enrollment_id AND e.kind = 'enrollment.redeemed'
     ORDER BY e.id LIMIT 1""",
)
_FIRST_USE_EACH = SetQuery(
    "event.first_use_each",
    "enrollment_id uuid",
    """SELECT e.enrollment_id, e.at, e.personal FROM event e
      JOIN asked ON asked.enrollment_id = e.enrollment_id
     WHERE e.kind = 'enrollment.redeemed' AND e.enrollment_id IS NOT NULL ORDER BY e.id DESC""",
    # One after the other: over a log that has grown since the server last counted its rows, the
    # planner would read all of it, or, ordered by the ids alone, walk through them from the first.
    postgres="""SELECT asked.enrollment_id, first.* FROM asked CROSS JOIN LATERAL (
    SELECT e.at, e.personal FROM event e
     WHERE e.enrollment_id = asked.enrollment_id AND e.kind = 'enrollment.redeemed'
     ORDER BY e.at, e.id LIMIT 1) AS first""",
)

_PLACES_OF_DEVICE = Query(
    "event.places_of_device",
    """
    SELECT DISTINCT o.path FROM event e JOIN organization o ON o.id = e.organization_id
     WHERE e.device_id = :device_id
    """,
)


def places_of_device(tx: Reader, device_id: Id) -> list[str]:
    """The paths of the organizations where something happened to a device."""
    return [str(row["path"]) for row in tx.all(_PLACES_OF_DEVICE, device_id=device_id)]


def record(tx: Tx, caller: Caller, happening: Happening) -> Event:
    """Write down that `happening` was done by `caller` now, in the transaction that did it."""
    return record_each(tx, [(caller, happening)])[0]


def record_each(tx: Tx, done: Iterable[tuple[Caller, Happening]]) -> list[Event]:
    """Write down several happenings at once, in this order."""
    made = make_events(list(done), tx.now)
    tx.each(INSERT_EACH, [row_of(event) for event in made])
    return made


def row_of(event: Event) -> dict[str, object]:
    """What `INSERT_EACH` takes."""
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "actor_kind": event.actor_kind,
        "actor_id": event.actor_id,
        "organization_id": event.about.organization_id,
        "user_id": event.about.user_id,
        "device_id": event.about.device_id,
        "enrollment_id": event.about.enrollment_id,
        "support_code": event.support_code,
        "entry": event.entry,
        "personal": canonical(dict(event.personal)),
        "salt": event.salt,
    }


def page(tx: Reader, request: PageRequest) -> Page[EventRow] | Refusal:
    """Events of a subtree, newest first unless asked otherwise.

    The filters `since` (included) and `before` (not included) are microseconds UTC.
    """
    since, before = (int(request.filters.get(name) or 0) for name in ("since", "before"))
    ids = {"since_id": least_id(since), "before_id": least_id(before + LATEST)}
    return _LIST.page(tx, request, event_of, **ids)


@dataclass(frozen=True, slots=True)
class FirstUse:
    """When an enrollment was used first, and the personal values of that; none once erased."""

    at: int
    personal: Mapping[str, str]


def first_use(tx: Reader, enrollment_id: Id) -> FirstUse | None:
    """How an enrollment was used first: for telling it to whoever comes second (X37)."""
    row = tx.one(_FIRST_USE, enrollment_id=enrollment_id)
    return None if row is None else FirstUse(row["at"], _personal_of(row))


def read_ahead(ahead: ReadAhead, enrollment_ids: Iterable[Id]) -> None:
    """Have asked what `first_use` will ask for these."""
    asked = set(enrollment_ids)

    def know(rows: list[Row]) -> None:
        found = {row["enrollment_id"]: [row] for row in rows}  # the oldest of each comes last
        for each in asked:
            ahead.know(_FIRST_USE, found.get(each, []), enrollment_id=each)

    ahead.ask(_FIRST_USE_EACH, [{"enrollment_id": each} for each in asked], know)


def event_of(row: Row) -> EventRow:
    """The event of a row that has `FIELDS`."""
    return EventRow(
        id=row["id"],
        at=row["at"],
        kind=row["kind"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        organization_id=row["organization_id"],
        user_id=row["user_id"],
        device_id=row["device_id"],
        enrollment_id=row["enrollment_id"],
        support_code=row["support_code"],
        entry=row["entry"],
        data=json.loads(row["entry"])["data"],
        personal=_personal_of(row),
    )


def _personal_of(row: Row) -> dict[str, str]:
    return json.loads(row["personal"]) if row["personal"] else {}
