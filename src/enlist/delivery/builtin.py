"""The message templates that come with Enlist.

E-mail: `messages/<purpose>.<language>.txt`; the first line is the subject, the rest after an empty
line is the body. SMS: `messages/<purpose>.<language>.sms.txt`, a body alone. They are written
exactly as an organization writes its own, so that the editor can offer them as a beginning.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enlist.core.templates import PURPOSES
from enlist.verbs.channels import EMAIL, SMS

_FOLDER: Final = Path(__file__).parent / "messages"


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A template that every organization has, until it writes its own."""

    purpose: str
    language: str
    subject: str
    body: str
    channel: str = EMAIL


@functools.cache
def built_in(purpose: str, language: str, channel: str = EMAIL) -> BuiltIn | None:
    """The built-in template for a purpose in a language, by a channel, if there is one."""
    wanted = (purpose, language, channel)
    found = (each for each in _all() if (each.purpose, each.language, each.channel) == wanted)
    return next(found, None)


@functools.cache
def all_built_in() -> tuple[BuiltIn, ...]:
    """Every built-in template that an organization may replace, for the editor and the lists."""
    return tuple(each for each in _all() if each.purpose in PURPOSES)


@functools.cache
def _all() -> tuple[BuiltIn, ...]:
    return tuple(_read(path) for path in sorted(_FOLDER.glob("*.*.txt")))


def _read(path: Path) -> BuiltIn:
    purpose, language, *rest = path.name.split(".")
    text = path.read_text(encoding="utf-8")
    if rest[0] == SMS:
        return BuiltIn(purpose, language, "", text.strip(), SMS)
    subject, _, body = text.partition("\n\n")
    return BuiltIn(purpose, language, subject, body.strip())
