"""The page about imports has the columns that there are."""

from __future__ import annotations

import re
from pathlib import Path

from enlist.verbs.import_kinds import KINDS
from enlist.verbs.import_rows import ADVANCED, SIMPLE

PAGE = Path("docs/how-to/import.md")


def test_the_columns_are_those_of_the_importer() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (yes|) ?\| (yes|) ?\|", PAGE.read_text(), re.MULTILINE)
    assert tuple(name for name, simple, _ in rows if simple) == SIMPLE
    assert tuple(name for name, _, advanced in rows if advanced) == ADVANCED


def test_the_columns_of_the_other_files_are_told() -> None:
    told = dict(re.findall(r"^\| \*.+?\*, `(\w+)` \| (.+?) \|", PAGE.read_text(), re.MULTILINE))
    others = {kind: KINDS[kind].columns for kind in KINDS if kind not in ("simple", "advanced")}
    assert {kind: tuple(re.findall(r"`(\w+)`", text)) for kind, text in told.items()} == others
