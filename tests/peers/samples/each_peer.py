"""Not collected with the other tests: `test_rule` runs it with peers taken away or broken."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.peers.catalogue import PEERS

# Those that come as Debian packages; the mail server inside the process has no program to lose.
NAMES = [peer.NAME for peer in PEERS if peer.PACKAGES]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.peer(n)) for n in NAMES])
def test_peer(name: str, request: pytest.FixtureRequest) -> None:
    if "ENLIST_HOLD" in os.environ:
        request.getfixturevalue("browser" if name == "chromium" else name)
        Path(os.environ["ENLIST_HOLD"]).touch()
        signal.pause()
