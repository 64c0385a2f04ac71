"""Checkpoints in the data folder: added whole or not at all, by one process at a time."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from enlist.core.clock import DAY, HOUR
from enlist.core.faults import Unusable
from enlist.pki.notes import Signer
from enlist.wiring.checkpoint_folder import CheckpointFolder
from tests.installation import START

SIGNER = Signer.of_seed("enlist/one", "k1", bytes(32))


def note(size: int) -> str:
    return SIGNER.sign(f"enlist/one\n{size}\nroot\ntime\n")


def test_what_is_kept_is_there_in_order(tmp_path: Path) -> None:
    """Ruling 34: each of them, by month, readable for the owner alone."""
    folder = CheckpointFolder(tmp_path / "checkpoints")
    assert folder.newest() is None
    assert list(folder.notes()) == []
    for size in range(1, 4):
        folder.keep(note(size), START + size * 20 * DAY)
        assert folder.newest() == note(size)
    assert list(folder.notes()) == [note(1), note(2), note(3)]
    files = sorted((tmp_path / "checkpoints").iterdir())
    assert [path.name for path in files] == ["2026-03.txt", "2026-04.txt", "2026-05.txt"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_the_newest_is_not_kept_twice(tmp_path: Path) -> None:
    """Several processes keep what one of them signed."""
    with ThreadPoolExecutor(4) as pool:
        folders = [CheckpointFolder(tmp_path) for _ in range(12)]
        list(pool.map(lambda folder: folder.keep(note(1), START), folders))
    assert list(CheckpointFolder(tmp_path).notes()) == [note(1)]


def test_what_a_crash_left_is_cut_and_the_rest_stays(tmp_path: Path) -> None:
    """At whatever byte the disk stopped."""
    whole = f"{note(1)}\n{note(2)}\n".encode()
    half = f"{note(3)}\n".encode()
    for length in range(1, len(half)):
        path = tmp_path / "2026-03.txt"
        path.write_bytes(whole + half[:length])
        folder = CheckpointFolder(tmp_path)
        assert folder.newest() == note(2)
        folder.keep(note(4), START + HOUR)
        assert list(folder.notes()) == [note(1), note(2), note(4)]
        assert list(CheckpointFolder(tmp_path).notes())[-1] == note(4)


def test_what_is_no_note_is_handed_out_as_it_stands(tmp_path: Path) -> None:
    """So that verifying can say so."""
    path = tmp_path / "2026-03.txt"
    path.write_text(f"{note(1)}\nsomething else\n{note(2)}\n\n{note(3)}")
    found = list(CheckpointFolder(tmp_path).notes())
    assert found[0] == note(1)
    assert any("something else" in text for text in found)
    assert note(3) in found


@pytest.mark.parametrize(
    ("stands_there", "found", "wanted"),
    [
        (lambda data: (data / "checkpoints").write_text("mine"), "file", "folder"),
        (lambda data: (data / "checkpoints").symlink_to(data / "gone"), "symbolic link", "folder"),
        (lambda data: (data / "checkpoints/2026-03.txt").mkdir(parents=True), "folder", "file"),
    ],
)
def test_what_stands_in_the_way_is_named_with_what_to_do(
    tmp_path: Path, stands_there: Callable[[Path], object], found: str, wanted: str
) -> None:
    """In one line, which the server logs each minute; what it says to do is enough."""
    stands_there(tmp_path)
    folder = CheckpointFolder(tmp_path / "checkpoints")
    with pytest.raises(Unusable) as said:
        folder.keep(note(1), START)
    told, _, command = str(said.value).partition(" Put it aside, the server makes another: ")
    assert f"is a {found}, where Enlist keeps a {wanted} of its own." in told
    subprocess.run(command.split(), check=True)
    folder.keep(note(1), START)
    assert list(folder.notes()) == [note(1)]


def test_a_disk_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    kept = tmp_path / "checkpoints"
    with pytest.raises(Unusable, match=f"cannot write {kept}: No space left on device"):
        CheckpointFolder(kept).keep(note(1), START)
