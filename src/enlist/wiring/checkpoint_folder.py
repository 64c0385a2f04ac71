"""The checkpoints in the data folder: a file for each month, one note after the other.

They are what a rewritten or rolled-back database is compared with, so they are no part of its
backup. To be of use against whoever owns this machine they must also be kept elsewhere; the
files are made to be copied, as `rsync` does, while they grow.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from enlist.core.clock import to_datetime
from enlist.core.faults import Unusable
from enlist.datafolder import hand_over, hand_over_open, not_for_this_user

_NOTE: Final = re.compile(rb"((?:[^\n]+\n)+\n(?:\xe2\x80\x94 [^\n]+\n)+)\n")
_MONTH: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9].txt"
_TAIL: Final = 8192
_MODE: Final = 0o600
_APPENDING: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
"""No link is followed: root may be at work here, in a folder that another user owns."""


class CheckpointFolder:
    """Checkpoints kept in `folder`, which is made when there is something to keep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def notes(self) -> Iterator[str]:
        """Every note, oldest file first; what is no whole note is handed out as it stands.

        Raises:
            NotForThisUser: a file, or the folder, is somebody else's.
            Unusable: a link or something else stands in its place, or the disk fails.
        """
        for path in self._files():
            with self._usable(path, "read"):
                content = path.read_bytes()
            end = 0
            for found in _NOTE.finditer(content):
                yield from _between(content[end : found.start()])
                yield _text(found[1])
                end = found.end()
            yield from _between(content[end:])

    def newest(self) -> str | None:
        """The last whole note of the newest file that has one.

        Raises:
            as `notes` does.
        """
        for path in reversed(self._files()):
            with self._usable(path, "read"):
                found = _NOTE.findall(_tail(path))
            if found:
                return _text(found[-1])
        return None

    def keep(self, note: str, made_at: int) -> None:
        """Add a note and see it onto the disk, unless it is the newest already.

        Raises:
            as `notes` does.
        """
        with self._usable(self._folder, "write"):
            self._keep(note, made_at)

    def _keep(self, note: str, made_at: int) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        hand_over(self._folder)
        with self._alone():
            if self.newest() == note:
                return
            # Behind the note before it, also when the clock was ahead then: order is what tells
            # that the log only grew.
            month = self._folder / f"{to_datetime(made_at):%Y-%m}.txt"
            path = max([month, *self._folder.glob(_MONTH)])
            descriptor = os.open(path, _APPENDING, _MODE)
            try:
                hand_over_open(descriptor, self._folder)
                _cut_what_a_crash_left(descriptor)
                os.write(descriptor, f"{note}\n".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _files(self) -> list[Path]:
        if not self._folder.exists():
            return []
        with self._usable(self._folder, "read"):  # a glob takes what may not be listed for empty
            return sorted(path for path in self._folder.iterdir() if path.suffix == ".txt")

    @contextmanager
    def _usable(self, path: Path, what: str) -> Iterator[None]:
        """Say who may read or write it and how the others come to, or what else is in the way."""
        try:
            yield
        except OSError as error:
            raise self._why_not(Path(error.filename or path), what, error) from error

    def _why_not(self, path: Path, what: str, error: OSError) -> Unusable:
        if isinstance(error, PermissionError):
            there = path if os.access(path, os.F_OK) else path.parent
            return not_for_this_user(there, self._folder.parent, what)
        is_folder = path.is_dir()
        if path.is_symlink() or (path.exists() and is_folder != (path == self._folder)):
            found = "symbolic link" if path.is_symlink() else "folder" if is_folder else "file"
            wanted = "folder" if path == self._folder else "file"
            return Unusable(
                f"{path} is a {found}, where Enlist keeps a {wanted} of its own. "
                f"Put it aside, the server makes another: mv {path} {path}.before"
            )
        return Unusable(
            f"cannot {what} {path}: {error.strerror}. Once that is mended, the next checkpoint "
            "is kept."
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep several processes from adding the same note."""
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _between(content: bytes) -> Iterator[str]:
    """What stands where a note should, if it is more than empty lines."""
    if content.strip():
        yield _text(content.strip(b"\n") + b"\n")


def _text(note: bytes) -> str:
    return note.decode(errors="replace")


def _tail(path: Path) -> bytes:
    """The end of a file, with several whole notes in it if it has as many."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read()


def _cut_what_a_crash_left(descriptor: int) -> None:
    """Half a note at the end was never answered for; behind it the next could not be read."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _TAIL, max(0, size - _TAIL))
    left = len(tail) - max((found.end() for found in _NOTE.finditer(tail)), default=0)
    if 0 < left < _TAIL:
        os.ftruncate(descriptor, size - left)
