"""The commands, put together."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import typer

from enlist.cli import backup, doctor, server
from enlist.cli.backend import Backend
from enlist.cli.options import backend as find_backend
from enlist.cli.output import UNUSABLE, problems, usage
from enlist.core.faults import Unusable
from enlist.store.tx import StoreUnavailable

GROUPS: Final = {
    "apikey": "api_keys",
    "organization": "organizations",
    "restriction": "restrictions",
    "user": "users",
    "group": "groups",
    "role": "roles",
    "device": "devices",
    "device-list": "device_lists",
    "enrollment": "enrollments",
    "import": "imports",
    "wave": "waves",
    "view": "saved_views",
    "passcode": "passcode",
    "lock": "locks",
    "session": "sessions",
    "webhook": "webhooks",
    "alert": "alerts",
    "audit": "audit",
    "keys": "keys",
}
"""Commands of two words: the first, and the module of the second."""


def application(backend: Backend) -> Callable[[list[str]], None]:
    """The whole command line over a backend, as a function of its words."""

    def run(words: list[str]) -> None:
        command = typer.main.get_command(build(words))
        try:
            command.main(args=words, prog_name="enlist", obj=backend)
        except Unusable as error:
            problems.print(str(error), style="red", markup=False)
        except StoreUnavailable as error:
            problems.print(
                f"The database cannot be used: {error}\nNothing was changed. Check that it runs "
                "and that --database is right, then try again.",
                style="red",
                markup=False,
            )
        sys.exit(UNUSABLE)

    return run


def build(words: Sequence[str] = ()) -> typer.Typer:
    """The Typer application; tests and the reference page walk it.

    Args:
        words: what was typed. Commands that it does not name are left out: putting all of them
            together takes longer than most of them do.
    """
    app = typer.Typer(
        help="Enlist, the enrollment authority: it decides who and what may join.",
        no_args_is_help=True,
        add_completion=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        epilog="The flags of a server can also come from the environment: --data is ENLIST_DATA. "
        "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 the installation cannot be used.",
    )
    app.callback()(_root)
    server.add_to(app)
    app.command(epilog="Example: enlist doctor --data /var/lib/enlist")(doctor.doctor)
    backup.add_to(app)
    for name in _wanted(app, words[0] if words else ""):
        module = importlib.import_module(f"enlist.cli.{GROUPS[name]}")
        app.add_typer(module.commands, name=name)
    app.command(
        "agent",
        help="Enroll this machine, or show how it stands; see `enlist agent --help`.",
        add_help_option=False,
    )(_agent)
    return app


def _wanted(app: typer.Typer, first: str) -> Iterable[str]:
    """The groups that are needed where this word comes first: all, where it is no command."""
    alone = {getattr(each.callback, "__name__", "") for each in app.registered_commands}
    if first in GROUPS:
        return [first]
    return [] if first in alone else GROUPS


def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Show the version."),
    server: str = typer.Option(
        "",
        "--server",
        metavar="URL",
        help="Do it on a server elsewhere, through its API: https://enroll.example.com",
    ),
    key_file: Path | None = typer.Option(  # noqa: B008 - how Typer is told
        None,
        "--api-key-file",
        metavar="FILE",
        help="With --server: a file that holds an API key, and that nobody else can read.",
    ),
    ca_file: Path | None = typer.Option(  # noqa: B008 - likewise
        None,
        "--ca-file",
        metavar="FILE",
        help="With --server: the certificate of its CA, if it is a private one.",
    ),
) -> None:
    if version:
        from enlist import __version__

        typer.echo(f"enlist {__version__}")
        raise typer.Exit
    if server:
        if key_file is None:
            usage("--server needs an API key. Name the file that holds one by --api-key-file.")
        from enlist.cli.remote.backend import RemoteBackend

        context.obj = RemoteBackend(server, key_file, ca_file)
    elif key_file is not None:
        usage("--api-key-file is for a server elsewhere. Name it by --server.")


def _agent(context: typer.Context) -> None:
    """Handled before Typer is loaded, unless --server stands before it."""
    find_backend(context)
