"""One or many: what a command does for one thing, it does for each of many.

For one, the answer is the thing itself, and a refusal ends the command. For many, a refusal is
told and the next one is done; a bar shows how far it is, and the command ends with exit code 1
where any was refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import typer

from enlist.cli.output import (
    REFUSED,
    done,
    out,
    print_json,
    problems,
    progress_after_a_second,
    usage,
)
from enlist.core.outcomes import Done, Refusal
from enlist.core.refusals import CATALOGUE

Value = TypeVar("Value")


def ids(named: Sequence[str]) -> list[str]:
    """The ids that were named, each once; `-` stands for those on standard input."""
    found: list[str] = []
    for each in named:
        found += sys.stdin.read().split() if each == "-" else [each]
    unique = list(dict.fromkeys(found))
    if not unique:
        usage("Name at least one, or give ids on standard input.")
    return unique


def each(
    named: Sequence[str],
    perform: Callable[[str], Done[Value] | Refusal],
    document: Callable[[Value], dict[str, Any]],
    show: Callable[[Value], None],
    words: str,
    *,
    as_json: bool,
    of_many: Callable[[Value], None] | None = None,
) -> None:
    """Do it for each, and print what came of it.

    Args:
        words: what was done, for people: `Reset`.
        of_many: shows of each of many what a count does not tell, at once: a token that is printed
            once would be lost with whoever breaks the command off.
    """
    if len(named) == 1:
        value = done(perform(named[0]))
        if as_json:
            print_json(document(value))
        else:
            show(value)
        return
    items, refused = [], []
    with progress_after_a_second(words, len(named)) as tell:
        for number, one in enumerate(named, 1):
            outcome = perform(one)
            if isinstance(outcome, Refusal):
                refused.append({"id": one, "code": outcome.code})
                title = CATALOGUE[outcome.code].title
                problems.print(f"{one}: {title} ({outcome.code})", markup=False)
            else:
                items.append(document(outcome.value))
                if of_many is not None and not as_json:
                    of_many(outcome.value)
            tell(number)
    if as_json:
        print_json({"items": items, "refused": refused})
    else:
        out.print(f"{words}: {len(items)}. Refused: {len(refused)}.")
    if refused:
        raise typer.Exit(REFUSED)


def asks() -> bool:
    """Whether there is somebody at a terminal who can be asked."""
    return sys.stdin.isatty()


def confirm_for_good(question: str, *, yes: bool) -> None:
    """Go on only where somebody says yes: at the terminal, or on the command line."""
    if yes:
        return
    if not asks():
        usage("This cannot be undone. Say --yes to do it.")
    go_on(question)


def go_on(question: str) -> None:
    """Ask somebody at the terminal; without his yes the command ends, and says that."""
    if not typer.confirm(question, err=True):
        problems.print("Nothing was changed.")
        raise typer.Exit
