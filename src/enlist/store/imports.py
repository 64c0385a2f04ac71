"""Imports: files that were brought, kept in blocks of rows until each is done.

A job's `done` says how many rows are behind it. Whoever works on it holds a claim that runs out,
and writes its progress by one statement that carries the claim and where it began: so a job goes
on after a restart where it stopped, and no two processes ever count the same block.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from enlist.core.ids import Id
from enlist.core.outcomes import Refusal, Subjects
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx


class ImportState(StrEnum):
    """How far an import is."""

    UPLOADING = "uploading"
    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A file that is imported.

    Attributes:
        kind: which columns it may have.
        columns: those that it has, in its order.
        done: rows that were looked at in this state.
        reason: why it was stopped.
        maker_kind, maker_id, maker: who brought it, and with whose rights it is done.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    name: str
    description: str
    kind: str
    state: ImportState
    columns: tuple[str, ...]
    rows: int
    done: int
    made: int
    changed: int
    unchanged: int
    refused: int
    reason: str
    maker_kind: str
    maker_id: Id | None
    maker: str
    created_at: int
    ended_at: int | None

    @property
    def subjects(self) -> Subjects:
        """What an event about this import is about."""
        return Subjects(self.organization_id)


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one row, and the row as it was brought."""

    line: int
    column: str
    message: str
    cells: tuple[str, ...]


_COLUMNS = """
    SELECT j.id, j.organization_id, o.path AS organization_path, o.group_id, j.name,
           j.description, j.kind, j.state, j.columns, j.row_count, j.done, j.made, j.changed,
           j.unchanged, j.refused, j.reason, j.maker_kind, j.maker_id, j.maker, j.created_at,
           j.ended_at
      FROM import_job j JOIN organization o ON o.id = j.organization_id
"""
_FIND = Query("import.find", f"{_COLUMNS} WHERE j.id = :id")
_INSERT = Query(
    "import.insert",
    """
    INSERT INTO import_job (id, organization_id, name, description, kind, state, columns,
                            row_count, maker_kind, maker_id, maker, created_at)
    VALUES (:id, :organization_id, :name, :description, :kind, 'uploading', :columns, :rows,
            :maker_kind, :maker_id, :maker, :now)
    """,
)
_KEEP_EACH = SetQuery(
    "import.keep_each",
    "job_id uuid, number integer, content text",
    """
    INSERT INTO import_block (job_id, number, content) SELECT job_id, number, content FROM asked
    """,
)
_BLOCK = Query(
    "import.block",
    "SELECT content FROM import_block WHERE job_id = :job_id AND number = :number",
)
_MOVE = Query(
    "import.move",
    """
    UPDATE import_job
       SET state = :after, done = 0, made = 0, changed = 0, unchanged = 0, refused = 0,
           claimed_until = 0
     WHERE id = :id AND state = :before
    """,
)
_CHECKED = Query(
    "import.checked",
    "UPDATE import_job SET state = 'checked', claimed_until = 0 WHERE id = :id "
    "AND state = 'checking'",
)
_END = Query(
    "import.end",
    """
    UPDATE import_job SET state = :after, reason = :reason, ended_at = :now, claimed_until = 0
     WHERE id = :id AND state IN ('uploading', 'checking', 'checked', 'running')
    """,
)
_DUE = Query(
    "import.due",
    """
    SELECT j.id FROM import_job j
     WHERE j.state IN ('checking', 'running') AND j.claimed_until <= :now ORDER BY j.id LIMIT 1
    """,
)
_CLAIM = Query(
    "import.claim",
    """
    UPDATE import_job SET claimed_until = :until, claim = :claim
     WHERE id = :id AND state IN ('checking', 'running') AND claimed_until <= :now
    """,
)
_LET_GO = Query(
    "import.let_go",
    "UPDATE import_job SET claimed_until = 0 WHERE id = :id AND claim = :claim",
)
_PROGRESS = Query(
    "import.progress",
    """
    UPDATE import_job
       SET done = done + :rows, made = made + :made, changed = changed + :changed,
           unchanged = unchanged + :unchanged, refused = refused + :refused,
           claimed_until = :until
     WHERE id = :id AND state = :state AND claim = :claim AND done = :done
    """,
)
_FAULT_EACH = SetQuery(
    "import.fault_each",
    "job_id uuid, line integer, field text, message text, cells text",
    """
    INSERT INTO import_error (job_id, line, field, message, cells)
    SELECT job_id, line, field, message, cells FROM asked
    """,
)
_ERRORS = Query(
    "import.errors",
    """
    SELECT e.line, e.field, e.message, e.cells FROM import_error e
     WHERE e.job_id = :job_id AND e.line > :after ORDER BY e.line LIMIT :limit
    """,
)
_FORGET_BLOCKS = Query("import.forget_blocks", "DELETE FROM import_block WHERE job_id = :job_id")
_FORGET_ERRORS = Query("import.forget_errors", "DELETE FROM import_error WHERE job_id = :job_id")
_OLD = Query(
    "import.old",
    """
    SELECT j.id FROM import_job j
     WHERE j.created_at < :before AND j.state <> 'running' AND j.swept = 0 LIMIT 100
    """,
)
_SWEPT = Query("import.swept", "UPDATE import_job SET swept = 1 WHERE id = :id")
_LIST = Listing(
    "imports",
    f"{_COLUMNS} WHERE 1 = 1",
    id="j.id",
    path="o.path",
    sorts={"created_at": "j.id", "name": "lower(j.name)", "state": "j.state"},
    default_sort="-created_at",
    filters={"state": "j.state = :state"},
    search=("j.name", "j.description"),
)


def find(tx: Reader, job_id: Id) -> ImportJob | None:
    """The import with this id."""
    row = tx.one(_FIND, id=job_id)
    return None if row is None else _job(row)


def page(tx: Reader, request: PageRequest) -> Page[ImportJob] | Refusal:
    """Imports of a subtree, newest first."""
    return _LIST.page(tx, request, _job)


def insert(tx: Tx, job: ImportJob) -> None:
    """Begin an import; its rows are kept next."""
    tx.run(
        _INSERT,
        id=job.id,
        organization_id=job.organization_id,
        name=job.name,
        description=job.description,
        kind=job.kind,
        columns=json.dumps(job.columns),
        rows=job.rows,
        maker_kind=job.maker_kind,
        maker_id=job.maker_id,
        maker=job.maker,
        now=tx.now,
    )


def keep(tx: Tx, job_id: Id, first: int, blocks: Sequence[str]) -> None:
    """Keep some blocks of an import, the first under this number."""
    rows = [
        {"job_id": job_id, "number": first + place, "content": content}
        for place, content in enumerate(blocks)
    ]
    tx.each(_KEEP_EACH, rows)


def block(tx: Reader, job_id: Id, number: int) -> str:
    """One block; "" where there is none."""
    row = tx.one(_BLOCK, job_id=job_id, number=number)
    return "" if row is None else str(row["content"])


def move(tx: Tx, job_id: Id, before: ImportState, after: ImportState) -> bool:
    """Go on to the next state, from its first row; False when it is in another."""
    moved = tx.run(_MOVE, id=job_id, before=before.value, after=after.value) == 1
    if moved:
        tx.run(_FORGET_ERRORS, job_id=job_id)
    return moved


def checked(tx: Tx, job_id: Id) -> bool:
    """The preview is ready; what it counted stays."""
    return tx.run(_CHECKED, id=job_id) == 1


def end(tx: Tx, job_id: Id, after: ImportState, reason: str = "") -> bool:
    """End an import and forget its rows, but for those that are wrong; False when it is over."""
    ended = tx.run(_END, id=job_id, after=after.value, reason=reason, now=tx.now) == 1
    if ended:
        tx.run(_FORGET_BLOCKS, job_id=job_id)
    return ended


def due(tx: Reader) -> Id | None:
    """The oldest import that nobody works on."""
    row = tx.one(_DUE, now=tx.now)
    return None if row is None else str(row["id"])


def claim(tx: Tx, job_id: Id, claim: str, until: int) -> bool:
    """Take an import to work on; False when somebody else has it."""
    return tx.run(_CLAIM, id=job_id, claim=claim, until=until, now=tx.now) == 1


def let_go(tx: Tx, job_id: Id, claim: str) -> None:
    """Leave an import to whoever comes next."""
    tx.run(_LET_GO, id=job_id, claim=claim)


def progress(
    tx: Tx,
    job: ImportJob,
    claim: str,
    counts: dict[str, int],
    errors: Sequence[RowError],
    until: int,
) -> bool:
    """Some more rows are done; False when the claim is lost, and then nothing is written."""
    moved = tx.run(
        _PROGRESS,
        id=job.id,
        state=job.state.value,
        claim=claim,
        done=job.done,
        until=until,
        **counts,
    )
    if moved != 1:
        return False
    rows = [
        {
            "job_id": job.id,
            "line": each.line,
            "field": each.column,
            "message": each.message,
            "cells": json.dumps(each.cells, ensure_ascii=False),
        }
        for each in errors
    ]
    tx.each(_FAULT_EACH, rows)
    return True


def errors(tx: Reader, job_id: Id, after: int, limit: int) -> list[RowError]:
    """Rows that are wrong, behind the line `after`, in their order."""
    rows = tx.all(_ERRORS, job_id=job_id, after=after, limit=limit)
    return [
        RowError(row["line"], row["field"], row["message"], tuple(json.loads(row["cells"])))
        for row in rows
    ]


def sweep(tx: Tx, before: int) -> int:
    """Forget what old imports hold of people: rows never done, and rows that are wrong."""
    old = [row["id"] for row in tx.all(_OLD, before=before)]
    for job_id in old:
        end(tx, job_id, ImportState.STOPPED, "it was left for too long")
        tx.run(_FORGET_BLOCKS, job_id=job_id)
        tx.run(_FORGET_ERRORS, job_id=job_id)
        tx.run(_SWEPT, id=job_id)
    return len(old)


def _job(row: Row) -> ImportJob:
    return ImportJob(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        name=row["name"],
        description=row["description"],
        kind=row["kind"],
        state=ImportState(row["state"]),
        columns=tuple(json.loads(row["columns"])),
        rows=row["row_count"],
        done=row["done"],
        made=row["made"],
        changed=row["changed"],
        unchanged=row["unchanged"],
        refused=row["refused"],
        reason=row["reason"],
        maker_kind=row["maker_kind"],
        maker_id=row["maker_id"],
        maker=row["maker"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )
