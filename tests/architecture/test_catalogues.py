"""What a catalogue promises is done: every refusal is made somewhere, every event recorded.

A name counts as used where it is a value: an argument, an assignment, a dictionary's value. What
only lists or compares names (tuples, sets, keys, comparisons) makes nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from enlist.core.events import KINDS
from enlist.core.refusals import CATALOGUE
from tests.architecture.source import SOURCE, modules

TABLES = {SOURCE / "core/refusals.py", SOURCE / "core/events.py"}
"""The catalogues themselves."""


def values(node: ast.AST) -> Iterator[str]:
    """Every text below `node` that stands for itself, and is not one of a list to choose from."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from values(value)
    elif not isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Compare | ast.MatchValue):
        for child in ast.iter_child_nodes(node):
            yield from values(child)


def used() -> set[str]:
    return {
        text for module in modules() if module.path not in TABLES for text in values(module.tree)
    }


@pytest.mark.parametrize(
    ("catalogue", "what"),
    [(CATALOGUE, "made, so the reference must not promise it"), (KINDS, "recorded")],
    ids=["refusals", "events"],
)
def test_nothing_is_listed_that_does_not_happen(catalogue: dict[str, object], what: str) -> None:
    missing = sorted(set(catalogue) - used())
    assert not missing, f"nowhere {what}: {', '.join(missing)}"


def test_lists_and_comparisons_make_nothing() -> None:
    lists = "A = ('a',); B = {'b': 1}; C = {'c'}; D = x == 'd'; E = x in ('e',)"
    assert set(values(ast.parse(lists))) == set()
    made = "f('a'); b = 'b' if x else 'c'; D = {1: 'd'}; g(code='e')"
    assert set(values(ast.parse(made))) == set("abcde")
