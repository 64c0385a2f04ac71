"""Serving: workers that die are put back, but never in a spin."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from enlist.web.serving import FIRST_PAUSE, LONGEST_PAUSE, STEADY, pause_after
from tests.peers.base import DEADLINE, wait_until

DIES_AT_ONCE = """
import sys, time
from pathlib import Path
from enlist.web import serving

pause_after = serving.pause_after

def then_for_an_hour(lived, last):
    return 3600 if last > serving.FIRST_PAUSE else pause_after(lived, last)

serving.pause_after = then_for_an_hour

def work(place):
    with open(sys.argv[1], "a") as lives:
        lives.write(f"{time.monotonic()}\\n")
    raise RuntimeError("no disk")

serving.supervise(1, work)
"""


def test_who_dies_soon_is_put_back_later_and_later() -> None:
    pauses = [0.0]
    for _ in range(10):
        pauses.append(pause_after(0.01, pauses[-1]))
    assert pauses[1:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == pauses[-2] == LONGEST_PAUSE


def test_who_had_served_is_put_back_at_once() -> None:
    assert pause_after(STEADY, LONGEST_PAUSE) == 0
    assert pause_after(0, 0) == FIRST_PAUSE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_dies_at_once_does_not_spin(tmp_path: Path, number: signal.Signals) -> None:
    """Each life leaves word why it ended; and a pause does not hold up stopping."""
    lives, log = tmp_path / "lives", tmp_path / "log"
    with log.open("w") as out:
        supervisor = subprocess.Popen(
            [sys.executable, "-c", DIES_AT_ONCE, str(lives)], stdout=out, stderr=out
        )
    try:
        wait_until(lambda: log.read_text().count("worker died") >= 3, "the third end")
        began = [float(line) for line in lives.read_text().splitlines()]
        os.kill(supervisor.pid, number)
        assert supervisor.wait(DEADLINE) == 0
    finally:
        supervisor.kill()
    assert began[1] - began[0] >= FIRST_PAUSE
    assert began[2] - began[1] >= 2 * FIRST_PAUSE
    assert log.read_text().count("no disk") >= 3
