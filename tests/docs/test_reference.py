"""The reference pages say what the code does, all of it, and nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
assert _spec is not None
assert _spec.loader is not None
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_page_is_what_the_code_says(name: str) -> None:
    stored = (ROOT / "docs" / "reference" / f"{name}.md").read_text()
    assert stored == reference.page(name), "run: .venv/bin/python scripts/reference.py"


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_a_row_of_a_table_is_one_line(name: str) -> None:
    """Else what follows is shown beside the table, or not at all."""
    rows = [line for line in reference.page(name).splitlines() if line.startswith("|")]
    assert [row for row in rows if not row.endswith("|")] == []


def test_every_refusal_has_a_status() -> None:
    from enlist.core.refusals import CATALOGUE
    from enlist.web.problems import STATUS

    assert set(STATUS) == set(CATALOGUE)
