"""Numbers in the English sentences that operators read; people's texts are translated instead."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 day`, `2 days`.

    Args:
        many: the plural, where it is not the singular with an s.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
