"""What may be shown: secrets never, and other people's text only with its teeth drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

DOTS: Final = "•••"
LONGEST_SHOWN: Final = 400


class Secret:
    """A token, code or password in flight. `repr`, `str`, logs and tracebacks show dots."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself. Every call is a place that a reviewer must be able to find."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({DOTS})"

    __str__ = __repr__


def printable(text: object, hidden: Iterable[Secret] = ()) -> str:
    """`text` on one line, for a terminal: no control or direction characters, no secret.

    A server's sentence could otherwise repaint the terminal, or echo the token that it was sent.
    """
    line = "".join(letter if letter.isprintable() else " " for letter in str(text))
    for secret in hidden:
        line = line.replace(secret.reveal(), DOTS) if secret.reveal() else line
    return " ".join(line.split())[:LONGEST_SHOWN]
