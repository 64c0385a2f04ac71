"""`enlist backup`, `restore`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from enlist.cli.options import Data, Database, Json, backend, to_run
from enlist.cli.output import out, print_json, problems, usage, why_unreadable
from enlist.core.counting import counted

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="A file with the passphrase."),
]
PassphraseStdin = Annotated[
    bool, typer.Option("--passphrase-stdin", help="Read the passphrase from standard input.")
]

Rehearsal = Annotated[
    bool, typer.Option("--rehearsal", help="Only to try the backup: sign nothing. Never serve it.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands at the top."""
    app.command(
        epilog="Example: enlist backup /srv/backups --passphrase-file /etc/enlist/passphrase"
    )(backup)
    app.command(
        epilog="Example: enlist restore /srv/backups/enlist-20261121T160000Z "
        "--passphrase-file /etc/enlist/passphrase"
    )(restore)


def backup(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to put it, in a folder of its own.")
    ],
    passphrase_file: PassphraseFile = None,
    passphrase_stdin: PassphraseStdin = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Back up database and keys, also while the server runs. The keys are encrypted."""
    passphrase = _passphrase(passphrase_file, given=passphrase_stdin)
    made = backend(context).backup(folder, passphrase, data=data, database=database)
    if as_json:
        print_json(made)
    else:
        out.print(f"Backed up: {made['folder']}", markup=False)


def restore(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder of one backup.")],
    passphrase_file: PassphraseFile = None,
    passphrase_stdin: PassphraseStdin = False,
    data: Data = None,
    database: Database = None,
    rehearsal: Rehearsal = False,
    as_json: Json = False,
) -> None:
    """Restore a backup into an empty data folder. What was active is on hold afterwards."""
    passphrase = _passphrase(passphrase_file, given=passphrase_stdin)
    restored = backend(context).restore(
        folder, passphrase, rehearsal=rehearsal, data=data, database=database
    )
    if as_json:
        print_json(restored)
        return
    out.print(f"Restored the backup of {restored['made_at']}.", markup=False)
    out.print(f"On hold: {counted(restored['on_hold'], 'enrollment')}. All sign-ins have ended.")
    if restored["on_hold"]:
        out.print("What was used since the backup is not known. Look, then free what may be used:")
        out.print(f"  {to_run(context, 'enrollment list --state on_hold')}", markup=False)
        out.print(f"  {to_run(context, 'enrollment reactivate --all')}", markup=False)
        out.print("or some by their ids.")
    out.print("What was taken away since then counts again: reset devices, revoked API keys,")
    out.print("disabled users, roles, old passwords. Take it away again before the server starts.")
    if restored["log_damage"]:
        problems.print(
            f"The audit log in the backup is damaged: {restored['log_damage']}. "
            f"Look: {to_run(context, 'audit verify')}",
            style="red",
            markup=False,
        )
    if rehearsal:
        out.print("This was a rehearsal: its log is not signed. Look around, then delete it.")
    else:
        out.print(f"Now start the server: {to_run(context, 'serve')}", markup=False)


def _passphrase(file: Path | None, *, given: bool) -> str:
    """From a file that nobody else reads, or from standard input; never from the command line."""
    if (file is None) != given:
        usage("Give the passphrase by --passphrase-file FILE or by --passphrase-stdin.")
    if file is None:
        return sys.stdin.readline().rstrip("\r\n")
    try:
        if file.stat().st_mode & 0o077:
            usage(f"{file} can be read by others. Run: chmod 600 {file}")
        return file.read_text().partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        usage(f"The passphrase in {file} cannot be read: {why_unreadable(error)}.")
