"""The worker that seals and signs beside the requests."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from enlist.web.serving import Listener
from enlist.wiring import sealer, server
from enlist.wiring.plan import Plan
from enlist.wiring.sealer import FAULTS, SEALED, SealerThread
from enlist.wiring.server import Workers
from tests.behaviour.log_tampering import Log
from tests.installation import Enlist
from tests.peers.base import wait_until
from tests.store.raw import opened


def value(counter: object) -> float:
    return float(counter._value.get())  # type: ignore[attr-defined]


def test_it_seals_and_signs_by_itself(enlist: Enlist) -> None:
    """S73: at intervals; and whatever came last, when it is stopped."""
    before = value(SEALED)
    worker = SealerThread(enlist.installation.log, every=0.01, sign_every=0.01)
    worker.start()
    try:
        wait_until(lambda: bool(enlist.rows("checkpoint")), "a checkpoint")
        signed = len(enlist.rows("checkpoint"))
        enlist.register("ada")
        wait_until(lambda: len(enlist.rows("checkpoint")) > signed, "another")
    finally:
        enlist.register("grace")
        worker.stop()
    events = len(enlist.rows("event"))
    assert len(enlist.rows("event_seal")) == events
    assert max(row["size"] for row in enlist.rows("checkpoint")) == events
    assert value(SEALED) - before == events
    newest = enlist.installation.log.newest()
    assert newest is not None
    assert enlist.installation.log.kept.newest() == newest[0]


def test_the_server_seals_and_signs_as_often_as_is_promised(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not sealed yet can be removed unseen; nobody lengthens that unnoticed."""
    started: list[SealerThread] = []

    class Recorded(SealerThread):
        def start(self) -> None:
            started.append(self)
            super().start()

    monkeypatch.setattr(server, "SealerThread", Recorded)
    monkeypatch.setattr(server, "serve_listeners", lambda _apps, _stopping: None)
    with socket.socket() as unused:
        plan = Plan(Listener("web", unused, None), Listener("device", unused, None), "")
        server._work(enlist.settings, plan, enlist.installation, Workers(), mailbox=False)
    assert [(each._every, each._sign_every) for each in started] == [(0.25, 60.0)]
    page = Path(__file__).parents[2] / "docs" / "explanation" / "log.md"
    text = page.read_text()
    assert "At most six tenths of a second after something was committed" in text
    assert "Every minute in which something happened" in text


@pytest.mark.parametrize(("took", "rest"), [(0.01, 0.25), (0.15, 0.45), (30.0, 0.6)])
def test_no_look_is_followed_by_so_long_a_rest_that_sealing_is_late(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, took: float, rest: float
) -> None:
    """P15: on a busy machine a look takes long, and the redemptions need the rest of it."""
    worker = SealerThread(enlist.installation.log)
    worker._look()
    enlist.register("ada")
    clock = iter((0.0, took))
    monkeypatch.setattr(sealer, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert worker._look() == pytest.approx(rest)


def test_whoever_finds_nothing_looks_less_often(enlist: Enlist) -> None:
    """Of several processes one seals; the others' looks cost the database as much."""
    worker = SealerThread(enlist.installation.log, every=0.25)
    worker._look()
    assert worker._look() == pytest.approx(0.5)
    assert worker._look() == worker._look() == pytest.approx(0.6)
    enlist.register("ada")
    assert worker._look() == pytest.approx(0.25)


def test_a_log_that_was_tampered_with_is_counted_and_not_signed(enlist: Enlist) -> None:
    """An alarm within a minute; what happens is sealed all the same."""
    with opened(enlist.settings) as raw:
        log = Log(enlist, raw)
        log.live(1)
        log.sign()
        log.break_in()
        order = log.order()
        log.write_order([order[1], order[0], *order[2:]])
        signed, before = enlist.rows("checkpoint"), value(FAULTS)
        enlist.register("grace")
        worker = SealerThread(enlist.installation.log, every=0.01, sign_every=0.01)
        worker.start()
        try:
            wait_until(lambda: value(FAULTS) >= before + 2, "an alarm")
        finally:
            worker.stop()
        assert enlist.rows("checkpoint") == signed
        assert len(log.order()) == len(enlist.rows("event")) > len(order)
