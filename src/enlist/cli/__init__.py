"""The command line: `enlist …`.

One file per noun. A command turns flags into a verb, hands it over, and prints the outcome: a
table or a sentence for people, JSON with `--json`. Exit codes: 0 done, 1 refused, 2 wrong usage,
3 the installation cannot be used (database, keys, network).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enlist.cli.backend import Backend


def run(backend: Backend, arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words == ["--version"]:
        from enlist import __version__

        print(f"enlist {__version__}")  # noqa: T201 - answers before anything else is loaded
        return
    if words[:1] == ["agent"]:
        from enlist_agent.cli import main as agent

        sys.exit(agent(words[1:], prog="enlist agent"))
    from enlist.cli.application import application

    application(backend)(words)
