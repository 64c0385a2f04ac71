"""Enrollments as a file for a spreadsheet, and what all such files have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Annotated, Any, Final, TypeVar

from fastapi import Query
from fastapi.responses import StreamingResponse

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store.listing import MOST_PER_PAGE, Page
from enlist.verbs.driver import Verb
from enlist.verbs.exporting import BeginExport, ExportEnrollments, heading, lines
from enlist.verbs.views import Listed
from enlist.web.api.bodies import filters
from enlist.web.api.enrollments import EnrollmentQuery
from enlist.web.api.operations import Asking, Operations, Staff

T = TypeVar("T")

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
    clock = asking.services.tools.clock
    return await taken_away(
        asking, BeginExport(view), view, "enrollments", heading(), lambda page: lines(page, clock())
    )


async def taken_away(
    asking: Asking,
    begin: Verb[Any, Any, None],
    view: Listed[T],
    name: str,
    first_line: str,
    text: Callable[[Iterable[T]], str],
) -> Csv | Refusal:
    """A list as a file, all of it.

    Args:
        begin: writes down that it is taken away.
        view: its first page.
        name: of the file.
        text: the lines of a page.
    """
    begun = await asking.do(begin)
    if isinstance(begun, Refusal):
        return begun
    page = await asking.see(view)
    if isinstance(page, Refusal):
        return page
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Csv(_pages(asking, view, page, first_line, text), headers=headers)


async def _pages(
    asking: Asking,
    view: Listed[T],
    page: Page[T],
    first_line: str,
    text: Callable[[Iterable[T]], str],
) -> AsyncIterator[str]:
    """Page after page, so that neither memory nor a transaction grows with the list."""
    yield first_line
    while True:
        yield text(page.items)
        if page.next_cursor is None:
            return
        following = await asking.see_on(replace(view, cursor=page.next_cursor))
        if isinstance(following, Refusal):  # the right to export ended while exporting
            asking.cut()
            return
        page = following
