"""`enlist import …`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enlist.cli.options import (
    Cursor,
    Data,
    Database,
    Json,
    Limit,
    Organization,
    installation,
    to_run,
)
from enlist.cli.output import (
    done,
    moment,
    out,
    print_facts,
    print_json,
    print_page,
    problems,
    progress_after_a_second,
    refuse,
    shown,
    usage,
)

if TYPE_CHECKING:
    from enlist.cli.backend import Opened
    from enlist.store.imports import ImportJob

commands = typer.Typer(
    help="Import people, devices and lists of them from CSV files.", no_args_is_help=True
)

Kind = Annotated[
    str,
    typer.Option(
        "--kind",
        help="What it holds: simple or advanced (people and devices), allow, deny, move "
        "(registrations) or transfer (people).",
    ),
]
Job = Annotated[str, typer.Argument(metavar="IMPORT", help="Id of an import.")]


@commands.command("template", epilog="Example: enlist import template > people.csv")
def template_(kind: Kind = "advanced") -> None:
    """Print a file to begin with: every column, and sample rows."""
    from enlist.verbs.import_kinds import KINDS
    from enlist.verbs.imports import template

    if kind not in KINDS:
        usage(f"--kind {kind} is not known. Write one of {', '.join(KINDS)}.")
    typer.echo(template(kind), nl=False)


@commands.command("file", epilog="Example: enlist import file people.csv --dry-run")
def file_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    kind: Kind = "advanced",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only see what would come of it.")
    ] = False,
    description: Annotated[str, typer.Option("--description", help="For the list.")] = "",
    organization: Organization = "",
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """Import a CSV file. Rows that are wrong are told, and stop no others; exit code 1 then.

    If it is interrupted, a running server goes on with it.
    """
    from enlist.core.outcomes import Refusal
    from enlist.verbs.csv_file import MOST_BYTES

    if path.stat().st_size > MOST_BYTES:
        usage(f"{path} has more than 64 MiB. Divide it into several files.")
    with installation(context, data, database) as enlist, path.open("rb") as file:
        job = enlist.bring(
            file,
            organization=organization,
            kind=kind,
            name=path.name,
            description=description,
            preview=dry_run,
        )
        if isinstance(job, Refusal):
            refuse(job)
        _finish(context, enlist, job, as_json=as_json)


@commands.command("start", epilog="Example: enlist import start 01983f5e-…")
def start(
    context: typer.Context,
    job: Job,
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """Do what a dry run has shown."""
    from enlist.verbs.imports import StartImport

    with installation(context, data, database) as enlist:
        _finish(context, enlist, done(enlist.perform(StartImport(job))), as_json=as_json)


def _finish(context: typer.Context, enlist: Opened, job: ImportJob, *, as_json: bool) -> None:
    """Work on an import to its end, or watch who does, and say what came of it."""
    import time

    from enlist.store.imports import ImportState
    from enlist.verbs.imports import ReadImportErrors, ShowImport

    under_way = (ImportState.UPLOADING, ImportState.CHECKING, ImportState.RUNNING)
    with progress_after_a_second("Importing", job.rows) as tell:
        while (now := shown(enlist, ShowImport(job.id))).state in under_way:
            tell(now.done)
            if not enlist.work_on_import(job.id, tell):
                time.sleep(0.5)  # the server was faster, and goes on with it
    if as_json:
        from enlist.verbs import documents

        print_json(documents.import_job(now))
    else:
        after = 0
        while some := shown(enlist, ReadImportErrors(job.id, after)):
            for each in some:
                where = f"line {each.line}" + (f", {each.column}" if each.column else "")
                problems.print(f"{where}: {each.message}", markup=False)
            after = some[-1].line
        _print(context, now)
    if now.refused or now.state is ImportState.STOPPED:
        raise typer.Exit(1)


_CHANGED = {"deny": "Added, un-enrolling a device", "move": "Moved", "transfer": "Moved"}
"""What *changed* means for a kind of file, where it is something of its own."""


def _print(context: typer.Context, job: ImportJob) -> None:
    print_facts(
        {
            "Import": job.id,
            "State": job.state.value + (f": {job.reason}" if job.reason else ""),
            "Added": str(job.made),
            _CHANGED.get(job.kind, "Changed"): str(job.changed),
            "As they were": str(job.unchanged),
            "Wrong": str(job.refused),
        }
    )
    if job.state.value == "checked":
        start = to_run(context, f"import start {job.id}")
        out.print(f"Nothing was changed. To do it: {start}", markup=False)


@commands.command("list", epilog="Example: enlist import list --json")
def list_(
    context: typer.Context,
    organization: Organization = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """List imports, newest first."""
    from enlist.verbs import documents
    from enlist.verbs.imports import ListImports

    with installation(context, data, database) as enlist:
        page = shown(enlist, ListImports(organization, limit=limit, cursor=cursor))
        print_page(
            page,
            ("NAME", "STATE", "ROWS", "WRONG", "BY", "BEGUN", "ID"),
            lambda job: (
                job.name,
                job.state.value,
                f"{job.done}/{job.rows}",
                str(job.refused),
                job.maker,
                moment(job.created_at),
                job.id,
            ),
            "Nothing was imported yet. Begin with: enlist import template > people.csv",
            documents.import_job,
            as_json=as_json,
        )
