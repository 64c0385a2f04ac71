"""Imports: bringing a CSV file, looking what would come of it, and having it done.

`bring` reads a file twice, once to see that all of it can be read, and then to keep its rows; so a
bad file leaves nothing behind. From there `importing` goes on, in whichever process. A preview is
the same import with nothing applied; `StartImport` then does it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import BinaryIO, Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.store import events, imports
from enlist.store.imports import ImportJob, ImportState, RowError
from enlist.store.lanes import Store
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import csv_file, fields
from enlist.verbs.csv_file import BadFile, Sheet
from enlist.verbs.driver import Driver, QuickVerb, Tools, View
from enlist.verbs.fields import Fields
from enlist.verbs.finding import organization_named, with_id
from enlist.verbs.import_kinds import KINDS
from enlist.verbs.makers import discreetly
from enlist.verbs.rights import lacks
from enlist.verbs.views import Listed

BLOCK: Final = 100
"""Rows that are kept, and done, together."""

ERRORS_AT_ONCE: Final = 1_000
_BLOCKS_AT_ONCE: Final = 20


@dataclass(frozen=True)
class AddImport(QuickVerb[Organization, ImportJob]):
    """Begin an import, whose file was read and found right; `bring` does it.

    Attributes:
        organization: id or Group ID of where it belongs; rows that name no Group ID go there.

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    organization: str
    kind: str
    file_name: str
    description: str = ""
    columns: tuple[str, ...] = ()
    rows: int = 0

    name = "add_import"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        named = self.organization or caller.organization_id or ""
        found = organization_named(tx, caller, named, Permission.USERS_EDIT)
        if isinstance(found, Refusal):
            return found
        read = Fields()
        read.read("name", self.file_name, fields.label)
        read.read("description", self.description, fields.line)
        return read.refusal or found

    def apply(self, tx: Tx, caller: Caller, ready: Organization) -> Done[ImportJob]:
        job = ImportJob(
            id=new_id(tx.now),
            organization_id=ready.id,
            organization_path=ready.path,
            group_id=ready.group_id,
            name=self.file_name.strip(),
            description=self.description.strip(),
            kind=self.kind,
            state=ImportState.UPLOADING,
            columns=self.columns,
            rows=self.rows,
            done=0,
            made=0,
            changed=0,
            unchanged=0,
            refused=0,
            reason="",
            maker_kind=caller.kind.value,
            maker_id=caller.id,
            maker=caller.name,
            created_at=tx.now,
            ended_at=None,
        )
        imports.insert(tx, job)
        _record(tx, caller, "import.created", job)
        return Done(job)


@dataclass(frozen=True)
class StartImport(QuickVerb[ImportJob, ImportJob]):
    """Do what a preview has shown. Refusals: `not_found`, `forbidden`, `conflict`."""

    job_id: Id

    name = "start_import"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> ImportJob | Refusal:
        job = import_named(tx, caller, self.job_id, Permission.USERS_EDIT)
        if isinstance(job, Refusal) or job.state is ImportState.CHECKED:
            return job
        detail = "Only an import whose preview is ready can be started."
        return Refusal("conflict", detail=detail, about=job.subjects)

    def apply(self, tx: Tx, caller: Caller, ready: ImportJob) -> Done[ImportJob]:
        if not imports.move(tx, ready.id, ImportState.CHECKED, ImportState.RUNNING):
            raise ConcurrentChange
        _record(tx, caller, "import.started", ready)
        return Done(ready)


@dataclass(frozen=True)
class StopImport(QuickVerb[ImportJob, ImportJob]):
    """Stop an import where it is; what was done stays. Refusals: `not_found`, `forbidden`,
    `conflict`."""

    job_id: Id

    name = "stop_import"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> ImportJob | Refusal:
        return import_named(tx, caller, self.job_id, Permission.USERS_EDIT)

    def apply(self, tx: Tx, caller: Caller, ready: ImportJob) -> Done[ImportJob] | Refusal:
        if not imports.end(tx, ready.id, ImportState.STOPPED, "stopped by hand"):
            return Refusal("conflict", detail="It has ended already.", about=ready.subjects)
        _record(tx, caller, "import.stopped", ready)
        return Done(ready)


class ListImports(Listed[ImportJob]):
    """Imports of an organization and below, newest first."""

    permission = Permission.USERS_READ
    of_people = False

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[ImportJob] | Refusal:
        page = imports.page(tx, request)
        if isinstance(page, Refusal):
            return page
        return Page(discreetly(tx, caller, page.items), page.next_cursor)


@dataclass(frozen=True)
class ShowImport(View[ImportJob]):
    """One import. Refusals: `not_found`, `forbidden`."""

    job_id: Id

    def read(self, tx: Reader, caller: Caller) -> ImportJob | Refusal:
        return import_named(tx, caller, self.job_id, Permission.USERS_READ)


@dataclass(frozen=True)
class ReadImportErrors(View[list[RowError]]):
    """Rows that are wrong, behind a line of the file. Refusals: `not_found`, `forbidden`."""

    job_id: Id
    after: int = 0
    limit: int = ERRORS_AT_ONCE

    def read(self, tx: Reader, caller: Caller) -> list[RowError] | Refusal:
        job = import_named(tx, caller, self.job_id, Permission.USERS_EDIT)
        if isinstance(job, Refusal):
            return job
        return imports.errors(tx, job.id, self.after, min(self.limit, ERRORS_AT_ONCE))


def import_named(
    tx: Reader, caller: Caller, job_id: str, permission: Permission
) -> ImportJob | Refusal:
    """The import with this id, where the caller may."""
    found = with_id(tx, job_id, imports.find, "import")
    if isinstance(found, Refusal):
        return found
    refusal = lacks(caller, permission, found.organization_path, found.subjects)
    return refusal or discreetly(tx, caller, (found,))[0]


def bring(
    driver: Driver,
    store: Store,
    caller: Caller,
    file: BinaryIO,
    *,
    organization: str,
    kind: str,
    name: str,
    description: str = "",
    preview: bool = False,
) -> ImportJob | Refusal:
    """Read a file and keep its rows, to be looked at or done next; nothing of it where it is bad.

    Refusals: `validation_failed` at `file`, and those of `AddImport`.
    """
    if kind not in KINDS:
        return invalid("kind", f"must be one of {', '.join(KINDS)}")
    try:
        sheet = csv_file.opened(file, KINDS[kind].columns, KINDS[kind].required)
        rows = csv_file.counted(sheet)
    except BadFile as problem:
        return invalid("file", str(problem))
    verb = AddImport(organization, kind, name, description, sheet.columns, rows)
    added = driver.perform(verb, caller)
    if isinstance(added, Refusal):
        return added
    job, blocks, first = added.value, _blocks(sheet, kind), 0
    while some := list(islice(blocks, _BLOCKS_AT_ONCE)):
        store.write(partial(imports.keep, job_id=job.id, first=first, blocks=some))
        first += len(some)
    following = ImportState.CHECKING if preview else ImportState.RUNNING
    store.write(lambda tx: imports.move(tx, job.id, ImportState.UPLOADING, following))
    return job


def _blocks(sheet: Sheet, kind: str) -> Iterator[str]:
    """Rows as they are kept; of those that mean the same, all but the first name its line."""
    first_at: dict[int, int] = {}
    lines = sheet.lines()
    while some := list(islice(lines, BLOCK)):
        block = []
        for line in some:
            key = hash(KINDS[kind].key_of(cells_of(sheet.columns, line.cells)))
            earlier = first_at.setdefault(key, line.number)
            block.append([line.number, line.cells, 0 if earlier == line.number else earlier])
        yield json.dumps(block, ensure_ascii=False)


def cells_of(columns: tuple[str, ...], cells: tuple[str, ...]) -> dict[str, str]:
    """The cells of a row by column, trimmed."""
    return {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}


def template(kind: str) -> str:
    """A file to begin with: every column, and rows that can be imported as they are."""
    columns = [name for name in KINDS[kind].columns if not name.startswith(csv_file.CUSTOM)]
    custom = [f"{csv_file.CUSTOM}department"] if kind == "advanced" else []
    header = [*columns, *custom]
    rows = ([row.get(name, "") for name in header] for row in KINDS[kind].samples)
    return csv_file.written([header, *rows])


def _record(tx: Tx, caller: Caller, kind: str, job: ImportJob) -> None:
    data: dict[str, str | int | bool | None] = {
        "import": job.id,
        "rows": job.rows,
        "kind": job.kind,
    }
    events.record(tx, caller, Happening(kind, job.subjects, data, {"name": job.name}))
