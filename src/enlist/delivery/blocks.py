"""From the text of a template to the parts of an HTML message.

A template is plain text; its shape says what it means. Paragraphs are parted by empty lines. One
that holds `{EnrollmentUrl}` alone becomes a button, one that holds alone what is to be typed, such
as `{EnrollmentToken}`, shows it in large letters, one that holds `{QrCode}` alone is a picture, and
two or more lines of the form `Label: value` become a list of details. The shape is read before any
value is filled in, so no value can add a part; and only addresses in the template's own words
become links, so no value can add a link (S76).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enlist.core.templates import Lookup, Piece, parse, value_of

_LABELLED = re.compile(r"([^{}:]{1,40}):[ \t]+(\S.*)")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\"'.,;:!?)\]]")
_LINKS: Final = frozenset({"EnrollmentUrl", "ServerUrl"})


@dataclass(frozen=True, slots=True)
class Run:
    """Some text, leading to `address` where that is not empty."""

    text: str
    address: str = ""


Line = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of text."""

    lines: tuple[Line, ...]
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Button:
    """The link, to be pressed."""

    address: str
    kind: str = "button"


@dataclass(frozen=True, slots=True)
class Token:
    """The token, to be typed; `groups` put together are the token."""

    groups: tuple[str, ...]
    kind: str = "token"


@dataclass(frozen=True, slots=True)
class Details:
    """Labels and what stands behind them."""

    rows: tuple[tuple[str, Line], ...]
    kind: str = "details"


@dataclass(frozen=True, slots=True)
class Code:
    """A link as a QR code, to be photographed."""

    address: str
    kind: str = "code"


Block = Paragraph | Button | Token | Details | Code


def blocks(body: str, values: Mapping[str, str]) -> tuple[Block, ...]:
    """The parts of a body, filled in."""
    paragraphs = re.split(r"\n\s*\n", body.replace("\r\n", "\n").strip())
    return tuple(_block(paragraph, values) for paragraph in paragraphs)


def _block(paragraph: str, values: Mapping[str, str]) -> Block:
    match parse(paragraph.strip()):
        case (Lookup("EnrollmentUrl"),):
            return Button(values["EnrollmentUrl"])
        case (Lookup("EnrollmentToken"),):
            return Token(groups(values["EnrollmentToken"]))
        case (Lookup("OneTimeUser" | "OneTimePassword" as name),):
            return Token((values[name],))
        case (Lookup("QrCode"),):
            return Code(values["QrCode"])
    lines = [line.strip() for line in paragraph.split("\n")]
    labelled = [found for line in lines if (found := _LABELLED.fullmatch(line))]
    if len(labelled) == len(lines) > 1:
        return Details(tuple((found[1], _line(found[2], values)) for found in labelled))
    return Paragraph(tuple(_line(line, values) for line in lines))


def _line(text: str, values: Mapping[str, str]) -> Line:
    """One line, filled in, with its links.

    Addresses are looked for in a shadow of the line, in which the values are blank but for those
    that are addresses of ours.
    """
    filled, shadow = "", ""
    for piece in parse(text):
        shown = piece if isinstance(piece, str) else value_of(piece, values)
        filled += shown
        shadow += shown if _trusted(piece) else " " * len(shown)
    runs: list[Run] = []
    end = 0
    for found in _ADDRESS.finditer(shadow):
        runs += [Run(filled[end : found.start()]), Run(found[0], found[0])]
        end = found.end()
    runs.append(Run(filled[end:]))
    return tuple(run for run in runs if run.text)


def _trusted(piece: Piece) -> bool:
    return isinstance(piece, str) or piece.name in _LINKS


def groups(token: str) -> tuple[str, ...]:
    """A token in groups of three to five letters, as even as they get: 10 are 5 and 5."""
    size = next((size for size in (5, 4, 3) if len(token) % size == 0), 4)
    return tuple(token[start : start + size] for start in range(0, len(token), size))
