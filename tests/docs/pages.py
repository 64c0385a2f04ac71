"""The documentation as text: pages, their links, and the commands that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.source import ROOT

MADE = "<!-- Made by scripts/reference.py from the code; change it there. -->"


@dataclass(frozen=True)
class DocsPage:
    """One page."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def links(self) -> list[str]:
        """Where its links and pictures lead, without those to other sites."""
        prose = re.sub(r"(?m)^    .*$", "", self.text)
        found = re.findall(r"\]\(([^)\s]+)\)", prose)
        return [link for link in found if not re.match(r"[a-z]+:", link)]

    @property
    def anchors(self) -> set[str]:
        """What a `#fragment` may name: its headings, as forges write them."""
        headings = re.findall(r"(?m)^#+ (.+)$", self.text)
        return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}

    @property
    def blocks(self) -> list[str]:
        """Its indented blocks, without the indentation."""
        lines, block, blocks = self.text.splitlines(), list[str](), list[str]()
        for line in [*lines, "end"]:
            if line.startswith("    "):
                block.append(line[4:])
            elif line.strip() and block:
                blocks.append("\n".join(block).rstrip())
                block = []
            elif block:
                block.append("")
        return blocks

    def commands(self, program: str) -> Iterator[list[str]]:
        """The words of each call of a program, whether in a block or within a line."""
        inline = re.findall(r"`([^`\n]+)`", self.text)
        for block in [*self.blocks, *inline]:
            for line in block.replace("\\\n", " ").splitlines():
                yield from _calls(line, program)


def _calls(line: str, program: str) -> Iterator[list[str]]:
    name = re.escape(program)
    found = re.search(rf"(?:^|[\s(;&|/]){name}(?= (?!{name}\b)[a-z])", line)
    if found is None:
        return
    try:
        words = shlex.split(line[found.start() :].lstrip(" (;&|/"), comments=True)
    except ValueError:
        return  # a line of prose or JSON
    ends = (place for place, word in enumerate(words) if word in ("<", ">", "|", "&&", "||"))
    yield words[1 : next(ends, len(words))]


def as_reader(blocks: Iterable[str]) -> str:
    """The blocks of a guide as one script, for a user who is root and Enlist's user in one."""
    sudo = 'sudo() { if [ "$1" = -u ]; then shift 2; fi; "$@"; }'
    script = "\n".join([sudo, *blocks])
    return script.replace(" -o enlist -g enlist", "").replace("chown -R enlist:", "chown -R $UID")


def pages() -> list[DocsPage]:
    """Every page that people read."""
    own = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [DocsPage(path) for path in [*own, *sorted((ROOT / "docs").rglob("*.md"))]]
