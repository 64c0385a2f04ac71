"""Files that are imported, and what came of their rows."""

from __future__ import annotations

import io

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.store.imports import ImportJob, RowError
from enlist.verbs.importing import Importing
from enlist.verbs.imports import ReadImportErrors, ShowImport, bring
from tests.installation import Enlist


def brought(
    enlist: Enlist,
    text: str | bytes,
    *,
    kind: str = "advanced",
    preview: bool = False,
    caller: Caller | None = None,
) -> ImportJob | Refusal:
    """A file that was brought; nothing was done with it yet."""
    raw = text.encode() if isinstance(text, str) else text
    asking = caller or enlist.host
    return bring(
        enlist.driver, enlist.store, asking, io.BytesIO(raw),
        organization=enlist.root.id, kind=kind, name="people.csv", preview=preview,
    )  # fmt: skip


def imported(
    enlist: Enlist, text: str | bytes, *, kind: str = "advanced", preview: bool = False
) -> ImportJob:
    """The import once it is at its end."""
    job = brought(enlist, text, kind=kind, preview=preview)
    assert isinstance(job, ImportJob), job
    return worked(enlist, job)


def worked(enlist: Enlist, job: ImportJob) -> ImportJob:
    """The import once its rows were worked through."""
    assert Importing(enlist.driver, enlist.store).work()
    return again(enlist, job)


def again(enlist: Enlist, job: ImportJob) -> ImportJob:
    """The import as it is now."""
    return enlist.see(ShowImport(job.id))


def wrong(enlist: Enlist, job: ImportJob) -> list[RowError]:
    """What is wrong with its rows."""
    return enlist.see(ReadImportErrors(job.id))
