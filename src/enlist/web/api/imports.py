"""Importing people and devices from CSV files."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, BinaryIO, Final, Literal

import anyio.to_thread
from fastapi import Query
from pydantic import ConfigDict, Field
from starlette.responses import ContentStream, StreamingResponse

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store import imports as stored
from enlist.store.imports import ImportState, RowError
from enlist.verbs import csv_file, documents
from enlist.verbs.imports import (
    ListImports,
    ReadImportErrors,
    ShowImport,
    StartImport,
    StopImport,
    bring,
    template,
)
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Imports")

KindGiven = Literal["simple", "advanced", "allow", "deny", "move", "transfer"]


class Csv(StreamingResponse):
    """Comma-separated values, to be kept as a file."""

    media_type = "text/csv; charset=utf-8"


class Import(Shown):
    """A file that is imported, and how far it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "state": "done",
                    "name": "people.csv",
                    "description": "",
                    "kind": "advanced",
                    "organization": "main",
                    "organization_id": EXAMPLE_ID,
                    "rows": 250,
                    "done": 250,
                    "made": 240,
                    "changed": 4,
                    "unchanged": 4,
                    "refused": 2,
                    "reason": "",
                    "created_by": "admin@example.com",
                    "created_at": EXAMPLE_MOMENT,
                    "ended_at": EXAMPLE_MOMENT,
                }
            ]
        }
    )

    id: str
    state: ImportState
    """`checked` is a preview that is ready; `stopped` one that did not come to its end."""
    name: str
    description: str
    kind: str
    organization: str
    organization_id: str
    rows: int
    done: int
    """Rows that were looked at so far."""
    made: int
    """Rows that added a user or a device, or would."""
    changed: int
    unchanged: int
    refused: int
    """Rows that are wrong; `/imports/{import_id}/errors` has them."""
    reason: str
    """Why it was stopped."""
    created_by: str
    """Empty where the caller may not know who it was."""
    created_at: Moment
    ended_at: Moment | None

    @classmethod
    def of(cls, found: stored.ImportJob) -> Import:
        """An import of the store."""
        return cls(**documents.import_job(found))


class ImportQuery(Paging):
    """Sorts: `created_at`, `name`, `state`."""

    state: ImportState | None = None


class FileQuery(Body):
    """What a file is."""

    kind: KindGiven = "advanced"
    """What it holds: people and devices, an allow or deny list, or registrations (`move`) or people
    (`transfer`) that go to another organization. See `/imports/templates/{kind}`."""
    name: Annotated[Line, Field(min_length=1)] = "import.csv"
    description: Line = ""
    organization: Line = ""
    """Id or Group ID; where rows go that name none. Your own if left out."""
    dry_run: bool = False
    """Only look what would come of it; `POST /imports/{import_id}/start` then does it."""


@operations.staff("GET", "/imports", Permission.USERS_READ, answers=Page[Import])
async def list_imports(
    asking: Staff, query: Annotated[ImportQuery, Query()]
) -> Page[Import] | Refusal:
    """List imports, newest first."""
    found = await asking.see(ListImports(**filters(query)))
    return shown(found, lambda page: Page.of(page, Import.of))


@operations.staff("POST", "/imports", Permission.USERS_EDIT, answers=Import, status=202)
async def add_import(asking: Staff, query: Annotated[FileQuery, Query()]) -> Import | Refusal:
    """Import a CSV file, which is the body, sent as `text/csv`: 64 MiB and 250,000 rows at most.

    The answer comes when the file was read; its rows are done one after the other from then on.
    A file that cannot be read is refused whole, at the field `file`. Rows with devices also take
    the permission `devices:register`.
    """
    with tempfile.TemporaryFile() as file:
        async for part in asking.request.stream():
            await anyio.to_thread.run_sync(file.write, part)
        bringing = partial(_bring, asking, query, file)
        job = await anyio.to_thread.run_sync(bringing, limiter=asking.services.threads)
    return job if isinstance(job, Refusal) else await show_import(asking, job.id)


def _bring(asking: Staff, query: FileQuery, file: BinaryIO) -> stored.ImportJob | Refusal:
    file.seek(0)
    return bring(
        asking.services.driver,
        asking.services.store,
        asking.caller,
        file,
        organization=query.organization,
        kind=query.kind,
        name=query.name,
        description=query.description,
        preview=query.dry_run,
    )


@operations.staff("GET", "/imports/templates/{kind}", Permission.USERS_READ, answers=Csv)
async def show_template(asking: Staff, kind: KindGiven) -> Csv | Refusal:
    """A file to begin with: every column, and rows that can be imported as they are."""
    allowed = await asking.see(ListImports(limit=1))
    if isinstance(allowed, Refusal):
        return allowed
    return _file(iter([template(kind)]), f"enlist-{kind}.csv")


@operations.staff("GET", "/imports/{import_id}", Permission.USERS_READ, answers=Import)
async def show_import(asking: Staff, import_id: str) -> Import | Refusal:
    """Show an import."""
    found = await asking.see(ShowImport(import_id))
    return shown(found, Import.of)


@operations.staff(
    "POST",
    "/imports/{import_id}/start",
    Permission.USERS_EDIT,
    answers=Import,
    refuses=("conflict",),
)
async def start_import(asking: Staff, import_id: str) -> Import | Refusal:
    """Do what a dry run has shown."""
    started = await asking.do(StartImport(import_id))
    return started if isinstance(started, Refusal) else await show_import(asking, import_id)


@operations.staff(
    "POST",
    "/imports/{import_id}/stop",
    Permission.USERS_EDIT,
    answers=Import,
    refuses=("conflict",),
)
async def stop_import(asking: Staff, import_id: str) -> Import | Refusal:
    """Stop an import; what was done stays."""
    stopped = await asking.do(StopImport(import_id))
    return stopped if isinstance(stopped, Refusal) else await show_import(asking, import_id)


@operations.staff("GET", "/imports/{import_id}/errors", Permission.USERS_EDIT, answers=Csv)
async def show_errors(asking: Staff, import_id: str) -> Csv | Refusal:
    """The rows that are wrong, as they were brought, each with its line and what is wrong.

    Correct them, take away the first three columns, and import the file. Kept for 30 days.
    """
    job = await asking.see(ShowImport(import_id))
    if isinstance(job, Refusal):
        return job
    first = await asking.see(ReadImportErrors(import_id))
    if isinstance(first, Refusal):
        return first
    return _file(_errors(asking, job, first), f"errors-{job.id}.csv")


async def _errors(asking: Staff, job: stored.ImportJob, some: list[RowError]) -> AsyncIterator[str]:
    yield "\ufeff" + csv_file.written([("line", "column", "problem", *job.columns)])
    while some:
        yield csv_file.written(
            [(str(each.line), each.column, each.message, *each.cells) for each in some]
        )
        following = await asking.see(ReadImportErrors(job.id, some[-1].line))
        some = [] if isinstance(following, Refusal) else following


def _file(parts: ContentStream, name: str) -> Csv:
    return Csv(parts, headers={"content-disposition": f'attachment; filename="{name}"'})
