"""Places that are held while something goes on: so many at a time, and of those so many for one.

Whoever looks whether there is room, then waits for something, and only then counts himself lets in
everybody who came meanwhile. Here a place is taken at once. On the event loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """The places of this process.

    Attributes:
        most: how many there are.
        most_of_one: how many of them one may have, so that he cannot keep all others out.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self.most = most
        self.most_of_one = most_of_one
        self._held = Counter[str]()

    @contextmanager
    def taken(self, whose: str) -> Iterator[bool]:
        """A place until the end of this; False where he gets none."""
        if self._held.total() >= self.most or self._held[whose] >= self.most_of_one:
            yield False
            return
        self._held[whose] += 1
        try:
            yield True
        finally:
            self._held[whose] -= 1
            if not self._held[whose]:
                del self._held[whose]
