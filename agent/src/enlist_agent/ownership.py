"""Whose the state directory is: the user's who runs the agent, and nobody else's.

Whoever may change the directory can put a key of his own there, and whoever reads the key is the
device. So the agent looks first, as OpenSSH does with `StrictModes`, and uses nothing that somebody
else could have put in its way. That holds for root, too: what he wrote in another user's directory,
that user could redirect or lock himself out of. Windows has no such modes, and nothing is asked.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from enlist_agent.outcomes import UsageError


def require_own_directory(path: Path) -> None:
    """See that a directory, if there is one, is this user's, and that it stays where it is.

    Raises:
        UsageError: it is a link, a file or another user's, or everybody may put another one in its
            place; the message says what to do.
        OSError: it cannot be looked at.
    """
    found = _look(path)
    if found is None:
        return
    if stat.S_ISLNK(found.st_mode):
        raise UsageError(
            f"{path} is a symbolic link, which may lead elsewhere tomorrow. Give --state the "
            f"directory itself: {path.resolve()}"
        )
    if not stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{path} cannot be used: it is, or lies below, a file.")
    _require_owner(path, found)
    for above in (*path.resolve().parents, *path.absolute().parents):
        _require_not_world_writable(above, path)


def require_closed_directory(path: Path) -> None:
    """See that nobody but its owner could have written what a directory holds.

    Raises:
        UsageError: somebody could; the message says what to do.
        OSError: it cannot be looked at.
    """
    found = _look(path)
    if found is not None and found.st_mode & 0o022:
        raise UsageError(
            f"{path} can be changed by other users (its mode is {_mode(found)}), so that its key "
            "may be one of theirs. Give --state a new directory; or, if you know that nobody did, "
            f"close it: chmod 700 {path}"
        )


def require_own_key(path: Path) -> None:
    """See that nobody but this user could have read or written a private key.

    Raises:
        UsageError: it is a link, another user's, or open to others.
        OSError: it cannot be looked at.
    """
    found = _look(path)
    if found is None:
        return
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(
            f"{path} is a link, or no file at all, which the agent never makes. Remove "
            f"{path.parent} and enroll anew."
        )
    _require_owner(path, found)
    if found.st_mode & 0o077:
        raise UsageError(
            f"{path} can be read or changed by other users (its mode is {_mode(found)}). Whoever "
            "has a copy is this device: ask your administrator to reset it, and enroll into a new "
            f"directory. If you know that nobody read it, close it: chmod 600 {path}"
        )


def _look(path: Path) -> os.stat_result | None:
    """What lies there itself; None where nothing does, and where nothing can be told."""
    if sys.platform == "win32":
        return None
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _require_owner(path: Path, found: os.stat_result) -> None:
    me = os.geteuid()
    if found.st_uid != me:
        raise UsageError(
            f"{path} belongs to {_user(found.st_uid)}, and you are {_user(me)}. Run the command as "
            f"its owner (sudo -u '#{found.st_uid}'), or give --state a directory of your own."
        )


def _require_not_world_writable(above: Path, path: Path) -> None:
    """Where everybody may rename, he may put another directory in the place of ours.

    In a directory with the sticky bit, as `/tmp` has it, each may rename only what is his.
    """
    with suppress(PermissionError):
        found = above.stat()
        if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            raise UsageError(
                f"{above} can be changed by every user (its mode is {_mode(found)}), and so "
                f"{path} be replaced. Give --state a directory elsewhere, or close it: "
                f"chmod o-w {above}"
            )


def _user(number: int) -> str:
    """A user's name, or his number where the system knows none."""
    with suppress(ImportError, KeyError):
        import pwd

        return pwd.getpwuid(number).pw_name
    return f"user {number}"


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"
