"""One is singular, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import enlist
from enlist.core.counting import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 processes"), (1, "1 process"), (2, "2 processes")]
)
def test_a_number_goes_with_its_noun(number: int, said: str) -> None:
    assert counted(number, "process", "processes") == said
    assert counted(number, "day") == said.replace("processes", "days").replace("process", "day")


def test_nothing_leaves_the_plural_to_its_reader() -> None:
    source = Path(enlist.__file__).parent
    lazy = re.compile(r"[a-z]\((s|es)\)")
    assert [path.name for path in source.rglob("*.py") if lazy.search(path.read_text())] == []
