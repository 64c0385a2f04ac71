"""Work beside the requests goes on, whatever happens in it."""

from __future__ import annotations

import pytest

from enlist.wiring import background
from enlist.wiring.background import Background
from tests.peers.base import wait_until


class Counting(Background):
    """Counts its turns, and breaks in the first."""

    def __init__(self) -> None:
        super().__init__("counting", first=0.0)
        self.turns: list[str] = []

    def _again(self) -> float:
        self.turns.append("again")
        if len(self.turns) == 1:
            raise RuntimeError("nobody expected this")
        return 0.01

    def _last(self) -> None:
        self.turns.append("last")


def test_an_error_ends_nothing_and_the_end_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_AFTER_FAULT", 0.01)
    work = Counting()
    work.start()
    try:
        wait_until(lambda: len(work.turns) >= 3, "another turn")
    finally:
        work.stop()
    assert work.turns.count("last") == 1
    assert work.turns[-1] == "last"
