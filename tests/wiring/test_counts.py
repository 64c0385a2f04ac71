"""The folder in which the workers of a server count: each server has its own, and keeps it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from enlist.wiring import counts


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The locks of the servers of a test, which end with it."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    held: list[int] = []
    monkeypatch.setattr(counts, "_HELD", held)
    yield held
    for descriptor in held:
        os.close(descriptor)


def started(data: Path) -> Path:
    """The folder of a server that starts."""
    counts.share_counts(data)
    return Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])


def test_a_server_removes_what_the_dead_left_and_nothing_else(
    tmp_path: Path, held: list[int]
) -> None:
    dead = started(tmp_path)
    os.close(held.pop())
    (tmp_path / "metrics" / "counter_17.db").touch()  # of a version without folders
    first, second = started(tmp_path), started(tmp_path)
    assert not dead.exists()
    assert set((tmp_path / "metrics").iterdir()) == {first, second}


def test_a_folder_is_safe_before_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two servers that start together, one would take the other's for a dead one's."""
    make = tempfile.mkdtemp
    seen: list[Path] = []

    def make_and_look(dir: Path) -> str:  # noqa: A002 - the name of what it stands for
        made = make(dir=dir)
        with pytest.raises(BlockingIOError):  # so that another waits here
            os.close(counts._lock(dir))
        seen.append(Path(made))
        return made

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_look)
    assert [started(tmp_path)] == seen
