"""A bell for tests whose client reads an answer to its end before it shows any of it."""

from __future__ import annotations

from enlist.web.bell import Bell


def stopping() -> Bell:
    """Of a server that stops: answers that would go on say what there is, and end."""
    bell = Bell()
    bell.over = True
    return bell
