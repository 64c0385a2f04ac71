"""A process that takes up new keys when a test says so."""

from __future__ import annotations

from enlist.wiring.keys import KeyWatch
from tests.installation import Enlist


def watch(enlist: Enlist) -> KeyWatch:
    """What looks into the folder; it looks when it is told to."""
    return KeyWatch(enlist.settings.data, enlist.clock, enlist.installation.take_up)
