"""How much generated tests try: always the same few cases, or many fresh ones for `make fuzz`."""

from __future__ import annotations

import os
from typing import Final, TypedDict

FUZZ: Final = int(os.environ.get("FUZZ", "0"))
"""How many times the ordinary number of cases to try; 0 tries the ordinary ones."""


class Effort(TypedDict):
    """Some of Hypothesis's settings."""

    max_examples: int
    derandomize: bool


def effort(cases: int) -> Effort:
    """As many cases in an ordinary run, which are the same every time."""
    return Effort(max_examples=cases * max(1, FUZZ), derandomize=FUZZ == 0)
