"""Helpers check the same as one process does, and leave nothing behind (K12)."""

from __future__ import annotations

import multiprocessing

import pytest

from enlist.store import sealed_events
from enlist.verbs import verify_log
from enlist.verbs.verify_log import verify
from enlist.wiring.helpers import helpers
from tests.behaviour.log_tampering import Log
from tests.installation import Enlist
from tests.store.raw import opened


def test_helpers_find_what_one_process_finds(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever piece it is in, in the order of the log; also what joins two pieces."""
    monkeypatch.setattr(sealed_events, "PIECE", 3)
    monkeypatch.setattr(verify_log, "WORTH_HELP", 1)
    with opened(enlist.settings) as raw:
        log = Log(enlist, raw)
        log.live(4)
        log.sign()
        log.break_in()
        order = log.order()
        assert len(order) > 9
        log.change_entry(order[7])
        log.delete("event", f"id = '{order[1]}'")
        log.delete("event_seal", f"event_id = '{order[3]}'")
        alone = verify(enlist.installation.log)
        walked: list[int] = []
        with helpers(enlist.settings) as check:
            together = verify(enlist.installation.log, check=check, progress=walked.append)
            assert multiprocessing.active_children() or check is None
    assert together == alone
    assert [(found.what, found.seq) for found in together.findings] == [
        ("missing", 1),
        ("gap", 3),
        ("changed", 7),
        ("too_short", len(order) - 1),
    ]
    assert walked == sorted(walked)
    assert multiprocessing.active_children() == []
