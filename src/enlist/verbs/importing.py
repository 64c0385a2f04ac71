"""Working on imports: block after block, by whichever process has taken the job.

A block's rows are done first, each by itself, and its progress is written after that. Whoever is
stopped in between leaves rows that are done and not counted: the next one finds them unchanged, so
nothing is made twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from enlist.core.caller import SYSTEM, Caller
from enlist.core.clock import MINUTE
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.permissions import Permission
from enlist.core.secrets import support_code
from enlist.store import events, imports
from enlist.store.imports import ImportJob, ImportState, RowError
from enlist.store.lanes import Store
from enlist.store.tx import Reader, StoreUnavailable, Tx
from enlist.verbs.driver import Driver
from enlist.verbs.import_kinds import KINDS
from enlist.verbs.import_rows import Result, Wrong
from enlist.verbs.imports import BLOCK, cells_of
from enlist.verbs.makers import maker

_HELD: Final = MINUTE
"""How long a claim lasts without progress."""

_log = structlog.get_logger("enlist.importing")


class Importing:
    """Does imports; one for each thread that works on them."""

    def __init__(self, driver: Driver, store: Store) -> None:
        self._driver = driver
        self._store = store
        self._claim = new_id(driver.tools.clock())

    def work(
        self,
        job_id: Id | None = None,
        stopping: Callable[[], bool] = lambda: False,
        tell: Callable[[ImportJob], None] = lambda _job: None,
    ) -> bool:
        """Take an import, any or this one, and go on with it to its end; whether there was one.

        Raises:
            StoreUnavailable
        """
        found = job_id or self._store.read(imports.due)
        if found is None or not self._store.write(lambda tx: self._take(tx, found)):
            return False
        while not stopping():
            job = self._store.read(lambda tx: imports.find(tx, found))
            if job is None or job.state not in (ImportState.CHECKING, ImportState.RUNNING):
                return True
            tell(job)
            if job.done >= job.rows:
                self._store.write(partial(_ended, job=job))
            elif not self._block(job):
                return True
        self._store.write(lambda tx: imports.let_go(tx, found, self._claim))
        return True

    def _take(self, tx: Tx, job_id: Id) -> bool:
        return imports.claim(tx, job_id, self._claim, tx.now + _HELD)

    def _block(self, job: ImportJob) -> bool:
        """Do a block; False where the job is somebody else's by now, or has ended."""
        caller = self._store.read(lambda tx: maker_of(tx, job))
        if caller is None:
            reason = "whoever brought it may not do this any more"
            self._store.write(lambda tx: imports.end(tx, job.id, ImportState.STOPPED, reason))
            return False
        number = job.done // BLOCK
        content = self._store.read(lambda tx: imports.block(tx, job.id, number))
        rows = json.loads(content or "[]")
        counts = {"rows": len(rows), "refused": 0, **dict.fromkeys(map(str, Result), 0)}
        errors = []
        for line, cells, earlier in rows:
            wrong = self._row(job, caller, tuple(cells), earlier)
            if isinstance(wrong, Wrong):
                counts["refused"] += 1
                errors.append(RowError(line, wrong.column, wrong.message, tuple(cells)))
            else:
                counts[wrong.value] += 1
        return bool(rows) and self._store.write(
            lambda tx: imports.progress(tx, job, self._claim, counts, errors, tx.now + _HELD)
        )

    def _row(
        self, job: ImportJob, caller: Caller, cells: tuple[str, ...], earlier: int
    ) -> Result | Wrong:
        if earlier:
            return Wrong("", f"means the same as line {earlier}, which counts")
        if len(cells) > len(job.columns):
            return Wrong("", f"has {len(cells)} cells, but the first line names {len(job.columns)}")
        named = cells_of(job.columns, cells)
        try:
            rehearsal = job.state is ImportState.CHECKING
            process = KINDS[job.kind].process
            return process(self._driver, caller, named, job.group_id, rehearsal=rehearsal)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - a row that breaks must not stop the others
            code = support_code()
            _log.exception("import row failed", support_code=code)
            return Wrong("", f"Something went wrong in Enlist itself; the log has it under {code}")


def maker_of(tx: Reader, job: ImportJob) -> Caller | None:
    """Who brought an import, with the rights that he has now; None where he may not any more."""
    return maker(tx, job, Permission.USERS_EDIT)


def _ended(tx: Tx, job: ImportJob) -> None:
    if job.state is ImportState.CHECKING:
        imports.checked(tx, job.id)
    elif imports.end(tx, job.id, ImportState.DONE):
        data: dict[str, str | int | bool | None] = {
            "import": job.id, "rows": job.rows, "made": job.made, "changed": job.changed,
            "unchanged": job.unchanged, "refused": job.refused,
        }  # fmt: skip
        events.record(tx, SYSTEM, Happening("import.ended", job.subjects, data, {"name": job.name}))
