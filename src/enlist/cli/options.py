"""Flags that several commands share, and reading what must not stand on a command line."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from enlist.cli.backend import Backend, Opened
from enlist.cli.output import usage

Data = Annotated[
    Path | None,
    # Whether it can be read is asked elsewhere, which also says as whom to try again.
    typer.Option(
        "--data", metavar="DIR", help="Data folder.", envvar="ENLIST_DATA", readable=False
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="postgresql://… ; default SQLite in the data folder.",
        envvar="ENLIST_DATABASE",
        show_envvar=True,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Organization = Annotated[
    str, typer.Option("--organization", metavar="GROUP_ID", help="Group ID or id.")
]
Expires = Annotated[
    str,
    typer.Option(
        "--expires",
        metavar="TIME",
        help="When it ends: 2026-12-31 (the end of that day here), 2026-12-31T18:00+01:00, "
        "or from now: 90m, 48h, 30d.",
    ),
]
Search = Annotated[str, typer.Option("--search", help="Show only what contains this text.")]
NameSearch = Annotated[
    str,
    typer.Option("--search", help="Show what begins with this text; if nothing, what contains it."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="Rows to show.")]
Cursor = Annotated[str, typer.Option("--cursor", help="Go on after an earlier page.")]


_LAST_SECOND: Final = time(23, 59, 59)
_AHEAD: Final = ("--expires", "--at")


def installation(
    context: typer.Context, data: Path | None, database: str | None
) -> AbstractContextManager[Opened]:
    """The installation that the flags name."""
    return backend(context).opened(data=data, database=database)


def to_run(context: typer.Context, words: str) -> str:
    """A command to run next, with the flags by which this one named the installation or server.

    It works as it stands, from any folder. But a database's address may hold a password, which is
    not repeated.
    """
    place = context.find_root().params

    def path(flag: str, given: Path | None) -> str:
        return f" {flag} {shlex.quote(str(given.absolute()))}" if given else ""

    def named(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    command = "enlist"
    if place.get("server"):
        command += f" --server {shlex.quote(place['server'])}"
        command += path("--api-key-file", place["key_file"]) + path("--ca-file", place["ca_file"])
    command += f" {words}" + (path("--data", context.params["data"]) if named("data") else "")
    return command + (" --database …" if named("database") else "")


def backend(context: typer.Context) -> Backend:
    """What `wiring` handed over, or the server elsewhere that is asked instead."""
    root = context.find_root()
    if root.params.get("server"):
        from enlist.cli.remote.backend import may_run

        may_run(context.command_path.partition(" ")[2])
    found: Backend = root.obj
    return found


def read_secret(prompt: str) -> str:
    """A secret from standard input: its first line, or typed unseen at a terminal."""
    if sys.stdin.isatty():
        return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def known(option: str, text: str, words: Iterable[str]) -> str:
    """A filter's word. One that exists nowhere would look like an empty list."""
    if text and text not in list(words):
        usage(f"{option} {text} is not known. Write one of {', '.join(words)}.")
    return text


def nothing(first: str, *asked: str) -> str:
    """What a list without rows says: how to make the first, unless less was asked for."""
    return "Nothing fits what was asked for." if any(asked) else first


def parse_moment(text: str, now: datetime, option: str = "--expires") -> int | None:
    """A moment in microseconds UTC; None where it was not given.

    A span is counted from now on for `--expires` and `--at`, and back from now for other options. A
    bare date is the end of that day where this machine is; only for `--expires` is it a moment.
    """
    if not text:
        return None
    from enlist.core.clock import from_datetime

    units = {"m": "minutes", "h": "hours", "d": "days"}
    try:
        if text[:-1].isdigit() and text[-1] in units:
            span = timedelta(**{units[text[-1]]: int(text[:-1])})
            return from_datetime(now + span if option in _AHEAD else now - span)
        if option == "--expires" and re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            day = date.fromisoformat(text)
            return from_datetime(datetime.combine(day, _LAST_SECOND).astimezone())
        return from_datetime(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        a_day = "2026-12-31, " if option == "--expires" else ""
        usage(
            f"{option} {text} is no time with a zone. "
            f"Write {a_day}2026-12-31T18:00+01:00, or 90m, 48h, 30d."
        )
