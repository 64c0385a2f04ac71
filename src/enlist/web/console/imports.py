"""Batch status: files that were brought, how far each import is, and bringing another one.

The file itself goes to the API, by the page's script, and straight into a file on the server: a
form would have to be read whole before anybody knows whose it is.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.store.imports import ImportState, RowError
from enlist.verbs.csv_file import MOST_BYTES
from enlist.verbs.imports import (
    ListImports,
    ReadImportErrors,
    ShowImport,
    StartImport,
    StopImport,
)
from enlist.web.console import words
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.lists import read_query

_UNDER_WAY: Final = (ImportState.UPLOADING, ImportState.CHECKING, ImportState.RUNNING)
_SHOWN: Final = 20
"""Rows that are wrong and stand on the page; the file has all of them."""


async def show_list(desk: Desk) -> Response:
    """The imports of the organization in force and below, newest first."""
    query = read_query(desk.request, ("state",))
    found = await desk.view(ListImports(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    mark = mark_of(*((job.id, job.state, job.done) for job in found.items))
    if unchanged := desk.unchanged(mark):
        return unchanged
    context = {
        "query": query,
        "page": found,
        "mark": mark,
        "waiting": any(job.state in _UNDER_WAY for job in found.items),
        "words": words,
    }
    return desk.show("console/imports.html", context)


async def bring(desk: Desk) -> Response:
    """The form for a file."""
    if not desk.may("users:edit"):
        return desk.refuse(Refusal("forbidden"))
    asked = desk.request.query_params.get("kind", "")
    chosen = asked if asked in words.KINDS else next(iter(words.KINDS))
    context = {"most_bytes": MOST_BYTES, "kinds": words.KINDS, "chosen": chosen}
    return desk.show("console/import_new.html", context)


async def show_import(desk: Desk) -> Response:
    """One import: its preview, how far it is, or what came of it."""
    job = await desk.view(ShowImport(str(desk.request.path_params["id"])))
    if isinstance(job, Refusal):
        return desk.refuse(job)
    mark = mark_of(job.state, job.done)
    if unchanged := desk.unchanged(mark):
        return unchanged
    wrong: list[RowError] | Refusal = []
    if job.refused:
        wrong = await desk.view(ReadImportErrors(job.id, limit=_SHOWN))
    context = {
        "job": job,
        "mark": mark,
        "waiting": job.state in _UNDER_WAY,
        "wrong": [] if isinstance(wrong, Refusal) else wrong,
        "words": words,
    }
    return desk.show("console/import.html", context)


async def start(desk: Desk) -> Response:
    """Do what the preview shows."""
    return await _then(desk, StartImport(str(desk.request.path_params["id"])), "The import began.")


async def stop(desk: Desk) -> Response:
    """Stop where it is."""
    return await _then(desk, StopImport(str(desk.request.path_params["id"])), "It was stopped.")


async def _then(desk: Desk, verb: StartImport | StopImport, said: str) -> Response:
    outcome = await desk.perform(verb)
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome)
    return desk.go(desk.address("imports", verb.job_id), desk.gettext(said))


ROUTES = [
    page("imports", show_list),
    page("imports/new", bring),
    page("imports/{id}", show_import),
    page("imports/{id}/start", start, methods=("POST",)),
    page("imports/{id}/stop", stop, methods=("POST",)),
]
