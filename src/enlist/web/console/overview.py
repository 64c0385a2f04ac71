"""The overview: how an organization stands, what needs attention, and what to do first."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.policy import Permission
from enlist.verbs.views import ListUsers
from enlist.verbs.views_overview import Overview, OverviewDetail
from enlist.web.console import words
from enlist.web.console.event_texts import describe_all
from enlist.web.console.layout import Desk, page


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


async def show_overview(desk: Desk) -> Response:
    """The start page of the organization in force, with all that lies below it."""
    found = await desk.view(Overview(desk.group_id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "overview": found,
        "shares": shares(found),
        "story": describe_all(found.newest, desk.caller.language),
        "no_mail": "email" not in desk.services.tools.channels,
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


async def _first_steps(desk: Desk, overview: OverviewDetail) -> dict[str, bool] | None:
    """Which of the first steps are done, as long as there is no device at all; else None."""
    if overview.devices:
        return None
    if not desk.may(Permission.USERS_READ):
        return {"people": False}
    people = await desk.view(ListUsers(desk.group_id, limit=2))
    return {"people": not isinstance(people, Refusal) and len(people.items) > 1}


ROUTES = [page("", show_overview)]
