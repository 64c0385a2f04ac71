"""What a database says of how it would run a statement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

SCANNED = re.compile(r"^\s*(?:->\s*)?(?:SCAN|Seq Scan on)\s+(\w+)(?:\s+(\w+))?")

WHOLE_INDEX = re.compile(r"Index (?:Only )?Scan (?:Backward )?(?:using|on)")

DERIVED = {"p", "k", "json_each", "asked", "unnest", "CONSTANT"}
"""Names of sub-selects: a result of few rows is read, not a table."""


def scanned(plan: Sequence[str]) -> list[str]:
    """The lines of a plan that read a whole table, or a whole index."""
    found = []
    for line, following in zip_longest(plan, plan[1:], fillvalue=""):
        table = SCANNED.match(line)
        if table is not None and not DERIVED & set(table.groups()):
            found.append(line)
        if WHOLE_INDEX.search(line) and "Index Cond" not in following:
            found.append(line)
    return found
