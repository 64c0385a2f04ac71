"""The overview: how an organization stands, what needs attention, and what to do first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from enlist.core.clock import HOUR, from_datetime, to_datetime
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store.flow import Flow
from enlist.verbs.views import ListUsers
from enlist.verbs.views_overview import Overview, OverviewDetail
from enlist.web.console import words
from enlist.web.console.describing import describe_all
from enlist.web.console.layout import Desk, page
from enlist.web.console.navigation import N_

DAYS: Final = 30
"""How many days the chart shows."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole as a piece of a bar.

    Attributes:
        start, width: in hundredths of the bar.
    """

    word: words.Word
    value: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the chart, in the zone of whoever looks.

    Attributes:
        issued_height, used_height: in hundredths of the highest bar.
    """

    date: date
    issued: int
    used: int
    issued_height: float = 0.0
    used_height: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """How many of the enrollments came this far; `percent` of those issued."""

    label: str
    count: int
    percent: int
    tone: str


async def show_overview(desk: Desk) -> Response:
    """The start page of the organization in force, with all that lies below it."""
    found = await desk.view(Overview(desk.group_id, beginning(desk.now, desk.zone)))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    shown = days(found.flow, desk.now, desk.zone) if found.flow else []
    context = {
        "overview": found,
        "shares": shares(found),
        "story": describe_all(found.newest, desk.caller.language),
        "days": shown,
        "most": max((max(day.issued, day.used) for day in shown), default=0),
        "stages": stages(found.flow) if found.flow else (),
        "no_mail": not desk.services.tools.channels,
        "first_steps": await _first_steps(desk, found),
        "words": words,
    }
    return desk.show("console/overview.html", context)


def shares(overview: OverviewDetail) -> list[Share]:
    """The devices by state, in the order of their life."""
    whole = sum(overview.devices.values())
    found, start = [], 0.0
    for state, word in words.DEVICE_STATES.items():
        count = overview.devices.get(state, 0)
        width = 100 * count / whole if whole else 0.0
        if count:
            found.append(Share(word, state, count, round(start, 3), round(width, 3)))
        start += width
    return found


def beginning(now: int, zone: str) -> int:
    """When the first day of the chart begins, so that all that is shown counts the same.

    Rounded up to a whole hour, as the flow counts by hours: in India the day begins at half past.
    """
    local = ZoneInfo(zone)
    first = to_datetime(now).astimezone(local).date() - timedelta(days=DAYS - 1)
    return -(-from_datetime(datetime.combine(first, time(), local)) // HOUR) * HOUR


def days(flow: Flow, now: int, zone: str) -> list[Day]:
    """The last thirty days, today included; the hours of the flow fall into local days."""
    local = ZoneInfo(zone)
    today = to_datetime(now).astimezone(local).date()
    issued, used = (_by_day(hours, local) for hours in (flow.issued_at, flow.used_at))
    dates = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    highest = max([1, *(max(issued[each], used[each]) for each in dates)])
    return [
        Day(
            each,
            issued[each],
            used[each],
            round(100 * issued[each] / highest, 2),
            round(100 * used[each] / highest, 2),
        )
        for each in dates
    ]


def _by_day(hours: Mapping[int, int], local: ZoneInfo) -> Counter[date]:
    found: Counter[date] = Counter()
    for moment, count in hours.items():
        found[to_datetime(moment).astimezone(local).date()] += count
    return found


def stages(flow: Flow) -> list[Stage]:
    """How far the enrollments of these days came."""
    came = (
        (N_("issued"), flow.issued, "gone"),
        (N_("message sent"), flow.sent, "wait"),
        (N_("link opened"), flow.opened, "wait"),
        (N_("device enrolled"), flow.used, "good"),
    )
    whole = flow.issued
    return [
        Stage(label, count, round(100 * count / whole) if whole else 0, tone)
        for label, count, tone in came
    ]


async def _first_steps(desk: Desk, overview: OverviewDetail) -> dict[str, bool] | None:
    """Which of the first steps are done, as long as there is no device at all; else None."""
    if overview.devices:
        return None
    if not desk.may(Permission.USERS_READ):
        return {"people": False}
    people = await desk.view(ListUsers(desk.group_id, limit=2))
    return {"people": not isinstance(people, Refusal) and len(people.items) > 1}


ROUTES = [page("", show_overview)]
