"""A PostgreSQL server that is away: whoever asks is told at once, and served again afterwards."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from enlist.core.clock import system_clock
from enlist.store import postgres
from enlist.store.postgres import PostgresStore
from enlist.store.tx import StoreUnavailable
from tests.peers.base import DEADLINE
from tests.peers.postgres import cluster


def test_who_asks_while_it_is_away_waits_for_no_connection(
    afterwards: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that waited ten seconds each would be all that there are (S75)."""
    running = cluster()
    afterwards.callback(running.stop)
    store = PostgresStore(running.create_database(), system_clock)
    afterwards.callback(store.close)
    store.check()
    monkeypatch.setattr(postgres, "CONNECTED_WITHIN", 10 * DEADLINE)
    running.kill()
    until = time.monotonic() + DEADLINE
    for _ in range(3):  # the first has the connection that broke, the next ones none
        with pytest.raises(StoreUnavailable):
            store.check()
        assert time.monotonic() < until
    running.revive()
    while True:
        try:
            store.check()
        except StoreUnavailable:
            assert time.monotonic() < until + DEADLINE
        else:
            break
