"""Reading a CSV file that somebody brings: what it must be, and what is wrong with it as a whole.

UTF-8 with or without a byte order mark; commas, semicolons or tabs; the first line names the
columns, in any order. A file that is not so is refused before anything of it is kept, with words
that say what to do. What is wrong with a single row is not for here.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_ROWS: Final = 250_000
LONGEST_CELL: Final = 4_000
CUSTOM: Final = "custom."
"""Before the name of a custom attribute, in the name of its column."""

_FORMULA: Final = tuple("=+-@\t\r")
_DELIMITERS: Final = ",;\t"


class BadFile(ValueError):
    """The file cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: where it stands in the file, and its cells."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file whose first line was read and is right."""

    file: BinaryIO
    columns: tuple[str, ...]
    delimiter: str

    def lines(self) -> Iterator[Line]:
        """Every row that is not empty, one at a time.

        Raises:
            BadFile: it is not UTF-8 from here on, or quotes are not closed.
        """
        reader = _reader(self.file, self.delimiter)
        try:
            next(reader)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield Line(reader.line_num, tuple(map(_unquoted, cells)))
        except UnicodeDecodeError as error:
            raise BadFile(_not_utf8(f"after line {reader.line_num}")) from error
        except csv.Error as error:
            raise BadFile(f"cannot be read after line {reader.line_num}: {error}") from error


def opened(file: BinaryIO, known: Sequence[str], required: Sequence[str]) -> Sheet:
    """A file with its header read.

    Raises:
        BadFile
    """
    first = file.read(65_536)
    file.seek(0)
    if not first.strip():
        raise BadFile("is empty")
    if first.startswith(b"PK\x03\x04"):
        raise BadFile("is a spreadsheet: save it as “CSV UTF-8” and choose that file")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in first:
        raise BadFile(_not_utf8("at its beginning"))
    try:
        line = io.TextIOWrapper(io.BytesIO(first), "utf-8-sig", "surrogateescape").readline()
        delimiter = max(_DELIMITERS, key=line.count)
        names = next(_reader(file, delimiter))
    except UnicodeDecodeError as error:
        raise BadFile(_not_utf8("near its beginning")) from error
    except (csv.Error, StopIteration) as error:
        raise BadFile("has a first line that cannot be read") from error
    columns = tuple(name.strip().lower() for name in names)
    _check(columns, known, required)
    return Sheet(file, columns, delimiter)


def counted(sheet: Sheet) -> int:
    """How many rows there are, all of them read.

    Raises:
        BadFile: none, too many, or some that cannot be read.
    """
    rows = 0
    for _ in sheet.lines():
        rows += 1
        if rows > MOST_ROWS:
            raise BadFile(f"has more than {MOST_ROWS:,} rows: divide it into several files")
    if not rows:
        raise BadFile("has no rows below its first line")
    return rows


def written(rows: Sequence[Sequence[str]]) -> str:
    """Rows as CSV, with what a spreadsheet would run as a formula made a text (S76)."""
    out = io.StringIO()
    csv.writer(out).writerows([[_harmless(cell) for cell in row] for row in rows])
    return out.getvalue()


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run this; a phone number and a number below zero are none."""
    return text.startswith(_FORMULA) and not text[1:].replace(" ", "").isdigit()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _unquoted(cell: str) -> str:
    """A cell without the sign that `written` put before it."""
    text = cell.strip(" ")
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _reader(file: BinaryIO, delimiter: str) -> csv._reader:  # type: ignore[name-defined]  # typeshed's
    file.seek(0)
    text = io.TextIOWrapper(_Kept(file), "utf-8-sig", newline="")
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(text, delimiter=delimiter, strict=True)


class _Kept(io.BufferedReader):
    """What stays open when whoever reads it is done."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)  # type: ignore[arg-type]  # a file is raw enough

    def close(self) -> None:
        if not self.closed:
            self.detach()


def _not_utf8(where: str) -> str:
    return f"is not UTF-8 {where}: save it as “CSV UTF-8” and choose that file"


def _check(columns: Sequence[str], known: Sequence[str], required: Sequence[str]) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise BadFile(f"names a column twice: {', '.join(twice)}")
    strange = [name for name in columns if name not in known and not _is_custom(name, known)]
    if strange:
        raise BadFile(
            "has columns that are not known: " + ", ".join(_guessed(n, known) for n in strange)
            + f". Known are: {', '.join(known)}"
        )  # fmt: skip
    missing = [name for name in required if name not in columns]
    if missing:
        raise BadFile(f"lacks the column {', '.join(missing)} in its first line")


def _is_custom(name: str, known: Sequence[str]) -> bool:
    return name.startswith(CUSTOM) and len(name) > len(CUSTOM) and f"{CUSTOM}<name>" in known


def _guessed(name: str, known: Sequence[str]) -> str:
    shown = name[:60] or "one without a name"
    near = difflib.get_close_matches(name, known, 1)
    return f"{shown} (did you mean {near[0]}?)" if near else shown
