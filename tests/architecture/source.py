"""Our own source code as these rules read it: one parsed module each, with its place in Enlist."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/enlist"
AGENT = ROOT / "agent/src/enlist_agent"


@dataclass(frozen=True)
class Module:
    """One file; `part` is the folder or file right below the package: `store`, `web`, `wiring`."""

    path: Path
    part: str
    tree: ast.Module
    lines: int

    def at(self, node: ast.AST) -> str:
        """Where a report points to."""
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"

    def imports(self) -> Iterator[tuple[str, ast.AST]]:
        """The full name of every module or name that this one imports, wherever it does so."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


@cache
def modules(package: Path = SOURCE) -> tuple[Module, ...]:
    """Every module of a package."""
    found = []
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        part = path.relative_to(package).parts[0].removesuffix(".py")
        found.append(Module(path, part, ast.parse(text), text.count("\n")))
    return tuple(found)
