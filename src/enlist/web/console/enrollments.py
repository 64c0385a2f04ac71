"""Enrollments: all that are outstanding in one list (X29), one in detail, and many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from enlist.core.lifecycle import shown_state
from enlist.core.model import Enrollment
from enlist.core.outcomes import Refusal
from enlist.core.policy import Permission
from enlist.core.refusals import CATALOGUE
from enlist.verbs.driver import Verb
from enlist.verbs.reissue import Resend, Revoke
from enlist.verbs.views import ListEnrollments
from enlist.verbs.views_details import ShowEnrollment
from enlist.web.console import words
from enlist.web.console.devices import interceptions, shown_attempts
from enlist.web.console.event_texts import describe_all
from enlist.web.console.forms import Form, read_choices, read_form
from enlist.web.console.handing import unsendable
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.lists import read_query

_FILTERS: Final = ("state", "platform", "grant", "message_state", "user")
MOST_AT_ONCE: Final = 100
"""Enrollments that can be chosen for one action: a full page of the list."""

BULK: Final = {
    "resend": Permission.ENROLLMENTS_RESEND,
    "revoke": Permission.ENROLLMENTS_REVOKE,
}
"""What can be done with many at once, and the permission for it."""


async def show_list(desk: Desk) -> Response:
    """All enrollments of the organization in force and below."""
    query = read_query(desk.request, _FILTERS)
    found = await desk.view(ListEnrollments(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "query": query,
        "page": found,
        "rows": _with_states(desk, found.items),
        "words": words,
        "bulk": [name for name, permission in BULK.items() if desk.may(permission)],
    }
    return desk.show("console/enrollments.html", context)


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
    mark = mark_of(
        state,
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
        "unsendable": unsendable(desk, found, detail.user),
        "mark": mark,
        "attempts": shown_attempts(detail.attempts, desk.now),
        "story": describe_all(detail.timeline.items, desk.caller.language),
        "interceptions": await interceptions(desk, found.organization_path, enrollment=found.id),
        "words": words,
    }
    return desk.show("console/enrollment.html", context)


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one enrollment in an action on many; `refusal` is None where it was done."""

    enrollment: Enrollment
    state: str
    refusal: Refusal | None = None

    @property
    def reason(self) -> str:
        """Why not, in words."""
        if self.refusal is None:
            return ""
        return self.refusal.detail or CATALOGUE[self.refusal.code].title


async def bulk(desk: Desk) -> Response:
    """Resend or revoke many: first what will happen to which, then a result for each.

    Whatever was ticked is told of: what cannot be found any more is counted, not dropped.
    """
    form = await read_form(desk.request)
    action, chosen = form.value("action"), await read_choices(desk.request, "id")
    if action not in BULK or not chosen:
        text = desk.gettext("Tick the enrollments first, then choose what to do with them.")
        return desk.back(desk.address("enrollments"), text)
    if len(chosen) > MOST_AT_ONCE:
        text = desk.gettext(
            "You ticked %(ticked)s enrollments; %(most)s at once is the most. Nothing was done:"
            " take them in smaller parts."
        )
        counts = {"ticked": len(chosen), "most": MOST_AT_ONCE}
        return desk.back(desk.address("enrollments"), text % counts)
    rows = await _chosen(desk, chosen)
    context: dict[str, Any] = {
        "action": action,
        "rows": rows,
        "gone": len(chosen) - len(rows),
        "form": form,
        "words": words,
    }
    if form.value("confirmed") != "yes":
        context["fitting"] = [row for row in rows if fits(action, row.state)]
        return desk.show("console/bulk.html", context)
    context["rows"] = [await _do(desk, action, row, form) for row in rows]
    return desk.show("console/bulk_results.html", context)


def fits(action: str, state: str) -> bool:
    """Whether an action can succeed in this state; the others are reported, not touched (A40)."""
    return state == "active" or (action == "revoke" and state == "expired")


async def _chosen(desk: Desk, ids: Sequence[str]) -> list[Row]:
    rows = []
    for each in ids:
        detail = await desk.view(ShowEnrollment(each))
        if not isinstance(detail, Refusal):
            rows += [Row(e, state) for state, e in _with_states(desk, [detail.enrollment])]
    return rows


async def _do(desk: Desk, action: str, row: Row, form: Form) -> Row:
    verb: Verb[Any, Any, Any] = Resend(row.enrollment.id)
    if action == "revoke":
        verb = Revoke(row.enrollment.id, form.value("reason"))
    outcome = await desk.perform(verb)
    return Row(row.enrollment, row.state, outcome if isinstance(outcome, Refusal) else None)


def _with_states(desk: Desk, items: Sequence[Enrollment]) -> list[tuple[str, Enrollment]]:
    now = desk.now
    return [(shown_state(each.state, each.expires_at, now), each) for each in items]


ROUTES = [
    page("enrollments", show_list),
    page("enrollments/bulk", bulk, methods=("POST",)),
    page("enrollments/{id}", show_enrollment),
]
