"""The message templates that come with Enlist: `messages/<purpose>.<language>.txt`.

The first line is the subject, the rest after an empty line is the body. They are written exactly
as an organization writes its own, so that the editor can offer them as a beginning.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enlist.verbs import notices

OURS: Final = notices.PURPOSES | {"recovery", "one_time_jwt"}
"""Purposes for which no organization writes its own: some warn of what its staff might do, one
goes with a file."""

_FOLDER: Final = Path(__file__).parent / "messages"


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A template that every organization has, until it writes its own."""

    purpose: str
    language: str
    subject: str
    body: str


@functools.cache
def built_in(purpose: str, language: str) -> BuiltIn | None:
    """The built-in template for a purpose in a language, if there is one."""
    return next(
        (each for each in _all() if (each.purpose, each.language) == (purpose, language)),
        None,
    )


@functools.cache
def all_built_in() -> tuple[BuiltIn, ...]:
    """Every built-in template that an organization may replace, for the editor and the lists."""
    return tuple(each for each in _all() if each.purpose not in OURS)


@functools.cache
def _all() -> tuple[BuiltIn, ...]:
    return tuple(_read(path) for path in sorted(_FOLDER.glob("*.*.txt")))


def _read(path: Path) -> BuiltIn:
    purpose, language, _ = path.name.split(".")
    subject, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    return BuiltIn(purpose, language, subject, body.strip())
