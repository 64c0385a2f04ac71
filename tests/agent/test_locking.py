"""A lock: one at a time, waited for as long as there is patience."""

from __future__ import annotations

import errno
from contextlib import ExitStack
from pathlib import Path

import pytest

from enlist_agent.client import Patience
from enlist_agent.locking import PAUSE, locked
from tests.agent.conftest import Told


def test_who_waits_has_it_when_the_other_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with ExitStack() as first:
        assert first.enter_context(locked(path, Patience(0.0)))
        with locked(path, Patience(1.0, sleep=lambda _: first.close())) as second:
            assert second
            with locked(path, Patience(0.0)) as third:
                assert not third
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == b""


def test_patience_comes_to_an_end(tmp_path: Path, told: Told) -> None:
    with locked(tmp_path / "lock", told.patience) as first:
        assert first
        assert told.time.slept == []
        with locked(tmp_path / "lock", told.patience) as second:
            assert not second
    assert set(told.time.slept) == {PAUSE}
    assert told.time.now == pytest.approx(told.patience.seconds, abs=PAUSE)


def test_where_there_are_no_locks_nobody_is_kept_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("enlist_agent.locking._take", unknown)
    with locked(tmp_path / "lock", Patience(0.0)) as held:
        assert held
