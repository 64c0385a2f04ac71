"""Enrollments: all that are outstanding in one list (X29), and one in detail."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.responses import Response

from enlist.core.lifecycle import shown_state
from enlist.core.locks import LockKind
from enlist.core.model import Enrollment
from enlist.core.outcomes import Refusal
from enlist.verbs.views import ListEnrollments
from enlist.verbs.views_details import ShowEnrollment
from enlist.web.console import locks, saved_views, words
from enlist.web.console.alarms import flagged
from enlist.web.console.bulk_acts import acts_of
from enlist.web.console.describing import describe_all
from enlist.web.console.devices import shown_attempts
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.lists import ListQuery, read_query
from enlist.web.console.locks import locks_of
from enlist.web.console.offering import of_enrollment, permitted
from enlist.web.console.sending import unsendable
from enlist.web.console.timeline import INTERCEPTION


async def show_list(desk: Desk) -> Response:
    """All enrollments of the organization in force and below."""
    query = read_query(desk.request, saved_views.FILTERS)
    found = await desk.view(ListEnrollments(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "query": query,
        "page": found,
        "rows": _with_states(desk, found.items),
        "words": words,
        "bulk": acts_of(desk, "enrollments"),
        "export": _export(desk, query),
        "views": await saved_views.offered(desk, query),
    }
    return desk.show("console/enrollments.html", context)


def _export(desk: Desk, query: ListQuery) -> str:
    """Where the list as it is filtered can be taken away; "" where it may not."""
    if not desk.may("enrollments:export"):
        return ""
    asked = {"organization": desk.group_id, "search": query.search, "sort": query.sort}
    asked |= query.filters
    return f"/api/v1/enrollments/export?{urlencode({n: v for n, v in asked.items() if v})}"


async def show_enrollment(desk: Desk) -> Response:
    """One enrollment: how it stands, its messages, attempts and story."""
    detail = await desk.view(ShowEnrollment(str(desk.request.path_params["id"])))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    found = detail.enrollment
    moved = desk.elsewhere(found.organization_path, found.group_id)
    if moved is not None:
        return moved
    state = shown_state(found.state, found.expires_at, desk.now)
    locked = await locks_of(desk, LockKind.ENROLLMENT, found.id)
    mark = mark_of(
        state,
        *((lock.cause, lock.counted) for lock in locked),
        found.generation,
        *(event.id for event in detail.timeline.items[:1]),
        *((attempt.id, attempt.state) for attempt in detail.attempts),
        *((message.id, message.state) for message in detail.messages),
    )
    if unchanged := desk.unchanged(mark):
        return unchanged
    context = {
        "detail": detail,
        "enrollment": found,
        "state": state,
        "offers": permitted(desk, of_enrollment(found.grant, state), found.organization_path),
        "unsendable": unsendable(desk, found, detail.user),
        "mark": mark,
        "locks": locked,
        **locks.words(),
        "attempts": shown_attempts(detail.attempts, desk.now),
        "story": describe_all(detail.timeline.items, desk.caller.language),
        "interceptions": await flagged(
            desk, found.organization_path, INTERCEPTION, enrollment=found.id
        ),
        "words": words,
    }
    return desk.show("console/enrollment.html", context)


def _with_states(desk: Desk, items: Sequence[Enrollment]) -> list[tuple[str, Enrollment]]:
    now = desk.now
    return [(shown_state(each.state, each.expires_at, now), each) for each in items]


ROUTES = [
    page("enrollments", show_list),
    page("enrollments/{id}", show_enrollment),
]
