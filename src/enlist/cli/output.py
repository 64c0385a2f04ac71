"""Printing: tables for people, JSON for programs, refusals as one clear paragraph."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from enlist.cli.backend import Opened
from enlist.core.clock import rfc3339, to_datetime
from enlist.core.outcomes import Done, Refusal
from enlist.core.refusals import CATALOGUE
from enlist.store.listing import Page
from enlist.verbs.driver import View

Value = TypeVar("Value")
Item = TypeVar("Item")

# In a pipe there is no width to fit into: a row stays on one line, for grep and awk.
out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 240)
problems = Console(stderr=True, soft_wrap=True, highlight=False)

_UNSEEN: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of writing; a line may end."""

REFUSED, USAGE, UNUSABLE, INTERRUPTED = 1, 2, 3, 130


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    text = json.dumps(written(value), indent=2, ensure_ascii=False)
    typer.echo(_UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def plain(text: str) -> Text:
    """What somebody else wrote, as it stands: no markup, and nothing that a terminal obeys.

    Else a device named `[/bold]` ends the list in a fault, and a browser's name turns the
    terminal's letters invisible.
    """
    return Text(_UNSEEN.sub("\ufffd", text))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """A table, or what to do when there is nothing to show."""
    if not rows:
        out.print(empty)
        return
    room = out.width + _GAP if _terminal() else None
    if room is not None and columns[-1] == "ID" and sum(_widths(columns, rows)) > room:
        _print_narrow(columns[:-1], rows)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("ID", "KEY"))
    for row in rows:
        table.add_row(*map(plain, row))
    out.print(table)


def _terminal() -> bool:
    return sys.stdout.isatty()


_GAP: Final = 2


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """How wide each column is with the gap behind it."""
    cells = zip(*[columns, *rows], strict=True)
    return [max(plain(cell).cell_len for cell in column) + _GAP for column in cells]


def _print_narrow(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for a terminal that it does not fit: ids stand below their rows, whole.

    Beside them the other columns would be left a few letters each.
    """
    widths = _widths(columns, [row[:-1] for row in rows])
    while sum(widths) - _GAP > out.width:
        widths[widths.index(max(widths))] -= 1
    out.print(_line(columns, widths, "bold"))
    for row in rows:
        out.print(_line(row[:-1], widths))
        out.print(Text.assemble(" " * _GAP, (row[-1], "dim")))


def _line(cells: Sequence[str], widths: Sequence[int], style: str = "") -> Table:
    line = Table(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0), style=style)
    for width in widths:
        line.add_column(width=width - _GAP, overflow="fold")
    line.add_row(*map(plain, cells))
    return line


def print_page(
    page: Page[Item],
    columns: Sequence[str],
    row: Callable[[Item], Sequence[str]],
    empty: str,
    document: Callable[[Item], dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    """A page of a list: one document for programs; for people a table, and how to see more."""
    if as_json:
        items = [document(item) for item in page.items]
        print_json({"items": items, "next_cursor": page.next_cursor})
        return
    print_table(columns, [row(item) for item in page.items], empty)
    if page.next_cursor:
        out.print(f"More: --cursor {page.next_cursor}", markup=False)


def print_facts(facts: Mapping[str, str]) -> None:
    """Names and values, one a line."""
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        out.print(Text.assemble((f"{name:<{width}}", "bold"), "  ", plain(value or "—")))


def moment(value: int | None) -> str:
    """A moment for people: to the minute, in UTC, with its zone."""
    return "" if value is None else to_datetime(value).strftime("%Y-%m-%d %H:%M UTC")


def moment_json(value: int | None) -> str | None:
    """A moment for programs."""
    return None if value is None else rfc3339(value)


def done(outcome: Done[Value] | Refusal) -> Value:
    """The value of an outcome; a refusal ends the command with exit code 1."""
    if isinstance(outcome, Refusal):
        refuse(outcome)
    return outcome.value


def shown(enlist: Opened, view: View[Value]) -> Value:
    """What a view shows; a refusal ends the command likewise."""
    value = enlist.view(view)
    if isinstance(value, Refusal):
        refuse(value)
    return value


def refuse(refusal: Refusal) -> NoReturn:
    """Say why not, and what to do."""
    meaning = CATALOGUE[refusal.code]
    problems.print(f"[red]{meaning.title}[/red] ({refusal.code})")
    if refusal.code == "not_found" and refusal.reason:
        # Whoever sits at the machine may know which of the things that he named is not there.
        problems.print(f"  {refusal.reason}", markup=False)
    for error in refusal.fields:
        problems.print(f"  {error.field}: {error.message}", markup=False)
    problems.print(refusal.detail or meaning.remedy, markup=False)
    raise typer.Exit(REFUSED)


@contextmanager
def progress_after_a_second(words: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal for what takes longer; nothing in a pipe. Is told how many are done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    began = time.monotonic()
    with ExitStack() as on_screen:
        bar = Progress(
            TextColumn(words),
            BarColumn(),
            MofNCompleteColumn(),
            console=problems,
            transient=True,
            # Else what belongs into a file or a pipe is shown above the bar instead.
            redirect_stdout=_terminal(),
        )
        task = bar.add_task(words, total=total)

        def tell(done: int) -> None:
            bar.update(task, completed=done)
            if problems.is_terminal and not bar.live.is_started and time.monotonic() > began + 1:
                on_screen.callback(bar.stop)  # first: Ctrl-C as it appears leaves none behind
                bar.start()

        yield tell


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Why a file cannot be read, without the number of the error and the name once more."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text"


def usage(message: str) -> NoReturn:
    """The command was called wrongly; exit code 2."""
    problems.print(message, style="red", markup=False)
    raise typer.Exit(USAGE)


def written(value: Any) -> Any:
    """A document (see `enlist.verbs.documents`) as JSON-ready values, its moments as RFC 3339."""
    if isinstance(value, Mapping):
        return {
            name: moment_json(item) if _is_moment(name, item) else written(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [written(item) for item in value]
    return value


def _is_moment(name: str, value: object) -> bool:
    known = name == "at" or name.endswith("_at") or name in ("not_before", "not_after")
    return known and isinstance(value, int)
