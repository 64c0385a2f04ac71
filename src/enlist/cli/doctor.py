"""`enlist doctor`."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import typer
from rich.text import Text

from enlist import __version__
from enlist.cli.options import Data, Database, Json, backend
from enlist.cli.output import out, print_json, problems
from enlist.core.diagnosis import Diagnosis, Examined, Level

EXIT: Final = {Level.OK: 0, Level.WARNING: 1, Level.PROBLEM: 2}
"""As monitoring systems read it; 3, *unknown*, is for an installation that cannot be examined."""

_SIGN: Final = {Level.OK: "✓", Level.WARNING: "!", Level.PROBLEM: "✗", Level.SKIPPED: "·"}
_COLOR: Final = {
    Level.OK: "green",
    Level.WARNING: "yellow",
    Level.PROBLEM: "red",
    Level.SKIPPED: "dim",
}
_WIDEST: Final = 100
_TITLE: Final = 18
_INDENT: Final = " " * (_TITLE + 5)


def doctor(
    context: typer.Context,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Look for what is wrong with an installation, and say what to do about it.

    Exit codes: 0 all is well, 1 warnings, 2 problems, 3 it cannot be examined.
    """
    with problems.status("Looking …") if problems.is_terminal else contextlib.nullcontext():
        diagnosis = backend(context).doctor(data=data, database=database)
    if as_json:
        print_json(_document(diagnosis))
    else:
        _print(diagnosis)
    raise typer.Exit(EXIT[diagnosis.worst])


def _print(diagnosis: Diagnosis) -> None:
    """Section by section what was found; what is amiss with why it matters and what to do."""
    out.print(Text.assemble((f"Enlist {__version__}", "bold"), "  ", (diagnosis.subject, "dim")))
    section = ""
    for each in diagnosis.examined:
        if each.finding.level is Level.SKIPPED:
            continue
        if each.section != section:
            section = each.section
            out.print(Text(f"\n{section}", "bold"))
        for line in _lines(each):
            out.print(line)
    out.print()
    out.print(_summary(diagnosis))


def _lines(each: Examined) -> Iterator[Text]:
    """A check that is fine takes one line, and one that is not what it needs."""
    color = _COLOR[each.finding.level]
    first, *more = _wrapped(each.finding.found)
    yield Text.assemble(
        "  ",
        (_SIGN[each.finding.level], f"bold {color}"),
        f" {each.title:<{_TITLE}} ",
        (first, "" if _fine(each) else color),
    )
    yield from (Text(_INDENT + line, color) for line in more)
    if _fine(each):
        return
    yield from (Text(_INDENT + line, "dim") for line in _wrapped(each.why))
    for step in each.finding.remedy.splitlines():
        # What is to be copied is one line, however long: a terminal breaks it without breaking it.
        first, *more = [step] if step.startswith("Run: ") else _wrapped(step, 2)
        yield Text(f"{_INDENT}→ {first}", "bold")
        yield from (Text(f"{_INDENT}  {line}", "bold") for line in more)


def _terminal() -> bool:
    return sys.stdout.isatty()


def _wrapped(text: str, hanging: int = 0) -> list[str]:
    """Lines that fit a terminal; in a pipe a line stays whole, for grep."""
    if not _terminal():
        return [text]
    room = max(20, min(out.width, _WIDEST) - len(_INDENT) - hanging)
    return textwrap.wrap(text, room, break_on_hyphens=False) or [""]


def _fine(each: Examined) -> bool:
    return each.finding.level is Level.OK


def _summary(diagnosis: Diagnosis) -> Text:
    """How many of each, and whether that is good."""
    words = {
        Level.PROBLEM: ("problem", "problems"),
        Level.WARNING: ("warning", "warnings"),
        Level.OK: ("fine", "fine"),
        Level.SKIPPED: ("does not apply here", "do not apply here"),
    }
    text = Text()
    for level, (one, more) in words.items():
        count = diagnosis.count(level)
        if count:
            text.append(f"{_SIGN[level]} {count} {one if count == 1 else more}", _COLOR[level])
            text.append("   ")
    text.rstrip()
    return text


def _document(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "result": diagnosis.worst.value,
        "version": __version__,
        "problems": diagnosis.count(Level.PROBLEM),
        "warnings": diagnosis.count(Level.WARNING),
        "checks": [
            {
                "section": each.section,
                "name": each.name,
                "result": each.finding.level.value,
                "found": each.finding.found,
                "why": each.why,
                "remedy": each.finding.remedy,
            }
            for each in diagnosis.examined
        ],
    }
