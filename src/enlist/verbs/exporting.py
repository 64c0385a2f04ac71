"""Taking enrollments away as CSV, for a spreadsheet: the list as it is filtered, all of it.

Who takes something away leaves an event before the first row is given out. The rows follow in
pages, so that neither memory nor a transaction grows with the list. A spreadsheet runs a text that
begins like a formula, and a person may be called anything: such a text gets an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from enlist.core.caller import Caller
from enlist.core.clock import rfc3339
from enlist.core.events import Happening
from enlist.core.model import Enrollment, organization_at
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.core.permissions import Permission
from enlist.store import events
from enlist.store.tx import Reader, Tx
from enlist.verbs import documents
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.views import Listed, ListEnrollments, scope

COLUMNS: Final = (
    "id",
    "device",
    "user",
    "organization",
    "device_state",
    "platform",
    "ownership",
    "token_status",
    "token_type",
    "source",
    "grant",
    "issued_at",
    "issued_by",
    "expires_at",
    "opened_at",
    "used_at",
    "ended_at",
    "end_reason",
    "message_state",
    "message_to",
    "device_id",
)
"""What is taken away of each; no secret is among it, as in the list."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class ExportEnrollments(ListEnrollments):
    """Enrollments, to take away: a right of its own."""

    permission = Permission.ENROLLMENTS_EXPORT


@dataclass(frozen=True)
class BeginExport(QuickVerb[str, None]):
    """Note that somebody takes enrollments away, and which.

    Refusals: those of the list.
    """

    wanted: ExportEnrollments

    name = "export_enrollments"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> str | Refusal:
        wanted = self.wanted
        first = replace(wanted, limit=1).read(tx, caller)
        if isinstance(first, Refusal):
            return first
        return scope(tx, caller, wanted.organization, Permission.ENROLLMENTS_EXPORT)

    def apply(self, tx: Tx, caller: Caller, ready: str) -> Done[None]:
        data, personal = asked_for(self.wanted)
        subjects = Subjects(organization_at(ready))
        events.record(tx, caller, Happening("enrollment.exported", subjects, data, personal))
        return Done(None)


def asked_for(wanted: Listed[Any]) -> tuple[dict[str, str], dict[str, str]]:
    """What the log says of a list that is taken away: its filters, and apart whom it was asked for.

    The latter is about a person, and can be erased.
    """
    chosen = {name: value for name, value in wanted.filters.items() if value}
    about_people = {"user": chosen.pop("user", ""), "search": wanted.search.strip()}
    data = {"filters": ", ".join(f"{name}={value}" for name, value in sorted(chosen.items()))}
    return data, {name: text for name, text in about_people.items() if text}


def heading() -> str:
    """The first line of the file."""
    return csv_lines([COLUMNS])


def lines(found: Iterable[Enrollment], now: int) -> str:
    """Enrollments as lines of the file."""
    shown = (documents.enrollment(each, now) for each in found)
    return csv_lines([_cell(name, each[name]) for name in COLUMNS] for each in shown)


def _cell(name: str, value: object) -> str:
    if name.endswith("_at") and isinstance(value, int):
        return rfc3339(value)
    return csv_cell(value)


def csv_cell(value: object) -> str:
    """A value as a spreadsheet may read it: never as a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_lines(rows: Iterable[Iterable[str]]) -> str:
    """Rows as lines of a file."""
    page = io.StringIO()
    csv.writer(page).writerows(rows)
    return page.getvalue()
