"""`enlist audit …`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
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
    Search,
    installation,
    parse_moment,
)
from enlist.cli.output import (
    REFUSED,
    moment,
    out,
    print_json,
    print_page,
    problems,
    progress_after_a_second,
    shown,
    usage,
    why_unreadable,
)
from enlist.core.counting import counted
from enlist.core.model import EventRow

if TYPE_CHECKING:
    from enlist.verbs.restored import Restored
    from enlist.verbs.verify_log import Verification

commands = typer.Typer(help="The audit log.", no_args_is_help=True)


@commands.command("list", epilog="Example: enlist audit list --kind enrollment.refused")
def list_(
    context: typer.Context,
    organization: Organization = "",
    kind: Annotated[str, typer.Option("--kind", help="Only this kind of event.")] = "",
    support_code: Annotated[
        str, typer.Option("--support-code", help="The event behind a support code.")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Only from then on: 2026-12-31T18:00+01:00, or so long ago: 90m, 48h, 30d.",
        ),
    ] = "",
    before: Annotated[
        str, typer.Option("--before", metavar="TIME", help="Only before then; as --since.")
    ] = "",
    search: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List events, newest first."""
    from enlist.verbs import documents
    from enlist.verbs.views import ListEvents

    now = datetime.now(UTC)
    period = {
        name: parse_moment(text, now, f"--{name}")
        for name, text in (("since", since), ("before", before))
    }
    with installation(context, data, database) as enlist:
        filters = {"kind": kind, "support_code": support_code.upper()}
        filters |= {name: str(value) for name, value in period.items() if value is not None}
        view = ListEvents(organization, search=search, filters=filters, limit=limit, cursor=cursor)
        page = shown(enlist, view)

    def row(event: EventRow) -> Sequence[str]:
        return (
            moment(event.at),
            event.kind,
            event.personal.get("actor", event.actor_kind),
            event.personal.get("device", "") or event.personal.get("user", ""),
            str(event.data.get("reason") or event.data.get("code") or ""),
        )

    columns = ("WHEN", "WHAT", "BY", "ABOUT", "WHY")
    asked = kind or support_code or since or before or search or cursor
    empty = "No such event." if asked else "Nothing has happened yet."
    print_page(page, columns, row, empty, documents.event, as_json=as_json)


@commands.command(epilog="Example: enlist audit checkpoint | tee -a checkpoints.txt")
def checkpoint(
    context: typer.Context, data: Data = None, database: Database = None, as_json: Json = False
) -> None:
    """Print the newest signed checkpoint of the log, to be kept on another machine."""
    from enlist.store.seals import LogDamaged

    with installation(context, data, database) as enlist:
        try:
            newest = enlist.log.newest()
        except LogDamaged as error:
            problems.print(f"Nothing to hand out: {error}.", style="red", markup=False)
            raise typer.Exit(REFUSED) from None
        keys = [str(key) for key in enlist.log.verifiers]
    if newest is None:
        problems.print("Nothing was signed yet. A running server signs every minute.")
        raise typer.Exit(REFUSED)
    note, signed = newest
    if as_json:
        document = {"size": signed.size, "root": signed.root.hex(), "made_at": signed.made_at}
        print_json({**document, "note": note, "keys": keys})
    else:
        typer.echo(note, nl=False)


@commands.command(epilog="Example: enlist audit key")
def key(context: typer.Context, data: Data = None, database: Database = None) -> None:
    """Print the public keys that checkpoints are verified with, newest first."""
    with installation(context, data, database) as enlist:
        for verifier in enlist.log.verifiers:
            typer.echo(str(verifier))


@commands.command(epilog="Example: enlist audit verify --checkpoint /mnt/elsewhere/checkpoint.txt")
def verify(
    context: typer.Context,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="A checkpoint that was kept elsewhere, or several in one file; repeatable.",
        ),
    ] = None,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Verify the whole log: that nothing was changed, removed, moved, cut off or rolled back.

    Exit code 1 says that something was.
    """
    from enlist.pki.notes import split_notes
    from enlist.store.seals import size
    from enlist.verbs.verify_log import verify as walk

    given = [
        (str(path), note) for path in checkpoint or () for note in split_notes(_readable(path))
    ]
    with (
        installation(context, data, database) as enlist,
        enlist.helpers() as check,
        progress_after_a_second("Verifying", enlist.log.store.read(size)) as progress,
    ):
        done = walk(enlist.log, given, check=check, progress=progress)
    if as_json:
        findings = [asdict(finding) for finding in done.findings]
        print_json(
            {"intact": done.intact, **asdict(done), "root": done.root.hex(), "findings": findings}
        )
    else:
        _tell(done)
    if not done.intact:
        raise typer.Exit(REFUSED)


def _readable(path: Path) -> str:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        usage(f"{path} cannot be read: {why_unreadable(error)}.")
    if not text.strip():
        usage(f"{path} is empty.")
    return text


def _tell(done: Verification) -> None:
    """What came of verifying, the worst first, one line each."""
    for finding in done.findings:
        problems.print(f"The log was tampered with: {finding.message}.", style="red", markup=False)
    if done.more:
        problems.print(f"And {done.more} more.", style="red")
    if done.intact:
        newest = "the newest " if done.compared > 1 else ""
        compared = counted(done.compared, "checkpoint")
        held = f"it agrees with {compared}, {newest}of {moment(done.agreed_at)}"
        alone = "there is no checkpoint to compare it with"
        out.print(
            f"The log is whole: {counted(done.size, 'event')}; {held if done.compared else alone}.",
            markup=False,
        )
    for restored in done.restores:
        out.print(_told(restored), markup=False)
    if done.unsealed:
        left = counted(done.unsealed, "event is", "events are")
        out.print(
            f"{left} not sealed yet. A running server seals within a second.",
            markup=False,
        )


def _told(restored: Restored) -> str:
    """What a restore took away. Whoever has the keys can sign one that nobody ordered."""
    lost = "what happened after the backup"
    if restored.before:
        tell = "1 checkpoint tells" if restored.checkpoints == 1 else f"{restored.checkpoints} tell"
        lost = f"number {restored.kept} to number {restored.before - 1} of before, of which {tell}"
    return (
        f"Restore {restored.epoch}, of {moment(restored.restored_at)}, kept {restored.kept} "
        f"events. It is why these are missing: {lost}. If nobody here restored a backup then, "
        "somebody else has the keys."
    )
