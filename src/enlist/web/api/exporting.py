"""Enrollments as a file for a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Final

from fastapi import Query
from fastapi.responses import StreamingResponse

from enlist.core.model import Enrollment
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store import listing
from enlist.store.listing import MOST_PER_PAGE
from enlist.verbs.exporting import BeginExport, ExportEnrollments, heading, lines
from enlist.web.api.bodies import filters
from enlist.web.api.enrollments import EnrollmentQuery
from enlist.web.api.operations import Asking, Operations, Staff

operations: Final = Operations("Enrollments")


class Csv(StreamingResponse):
    """Comma-separated values with a heading."""

    media_type = "text/csv"


@operations.staff("GET", "/enrollments/export", Permission.ENROLLMENTS_EXPORT, answers=Csv)
async def export_enrollments(
    asking: Staff, query: Annotated[EnrollmentQuery, Query()]
) -> Csv | Refusal:
    """Take enrollments away as CSV, with the list's filters and order; an event tells of it.

    A text that a spreadsheet would take for a formula begins with an apostrophe. `limit` and
    `cursor` mean nothing here: it is all of it.
    """
    view = ExportEnrollments(**{**filters(query), "limit": MOST_PER_PAGE, "cursor": ""})
    begun = await asking.do(BeginExport(view))
    if isinstance(begun, Refusal):
        return begun
    first = await asking.see(view)
    if isinstance(first, Refusal):
        return first
    headers = {"content-disposition": 'attachment; filename="enrollments.csv"'}
    return Csv(_pages(asking, view, first), headers=headers)


async def _pages(
    asking: Asking, view: ExportEnrollments, page: listing.Page[Enrollment]
) -> AsyncIterator[str]:
    """Page after page, so that neither memory nor a transaction grows with the list."""
    yield heading()
    while True:
        yield lines(page.items, asking.services.tools.clock())
        if page.next_cursor is None:
            return
        following = await asking.see_on(replace(view, cursor=page.next_cursor))
        if isinstance(following, Refusal):  # the right to export ended while exporting
            asking.cut()
            return
        page = following
