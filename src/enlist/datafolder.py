"""The data folder: whose it is, and files that are written into it whole and secret.

It belongs to the user that the server runs as, and nobody else may look into it. Commands are also
run as somebody else, by root above all: he is told as whom to run them, and what root makes is
given to the folder's owner.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from enlist.core.faults import Unusable

_DATABASE: Final = ("enlist.sqlite3", "enlist.sqlite3-shm", "enlist.sqlite3-wal")
"""What must be writable. A copy of it that somebody put beside it is nobody's business."""


class DataFolderProblem(Unusable):
    """The data folder cannot be used; the message says why and what to do."""


class NotForThisUser(DataFolderProblem):
    """It is there, and may be well, but belongs to somebody else."""


def make(data: Path) -> None:
    """Make the data folder where there is none.

    Raises:
        DataFolderProblem: it cannot be made, or nothing can be written into it.
    """
    me = user_name(os.geteuid())
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        remedy = "Choose another one by --data."
        if isinstance(error, PermissionError):
            remedy = (
                f"Choose one that {me} may write by --data, or make it as root: "
                f"install -d -m 0700 -o {me} {data}"
            )
        raise DataFolderProblem(
            f"the data folder {data} cannot be made: {error.strerror}. {remedy}"
        ) from error
    if os.access(data, os.R_OK | os.X_OK) and not os.access(data, os.W_OK):
        raise _unwritable(data)


def _unwritable(data: Path) -> DataFolderProblem:
    """What to do about a folder that this user may read only."""
    me, whose = user_name(os.geteuid()), owner_name(data)
    if os.statvfs(data).f_flag & os.ST_RDONLY:
        return DataFolderProblem(
            f"{data} can only be read here. Where systemd starts the server, run: systemctl edit "
            f"enlist, and write [Service] and, below it, ReadWritePaths={data}"
        )
    if whose == me or (data / "keys").exists():
        return not_for_this_user(data, data, "write")
    return NotForThisUser(
        f"{data} belongs to {whose}, and {me} may not write in it. "
        f"Choose another one by --data, or give it to him as root: chown {me}: {data}"
    )


def read_secret(path: Path) -> bytes:
    """The content of a secret file that only its owner can read.

    Raises:
        DataFolderProblem: others can read it too.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise DataFolderProblem(
            f"{path} can be read by others (mode {mode:04o}). Run: chmod 600 {path}"
        )
    return path.read_bytes()


def write_secret(path: Path, content: bytes) -> None:
    """Write a secret file so that it is whole or absent, and never readable by others."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        hand_over_open(file.fileno(), path.parent)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def hand_over(path: Path) -> None:
    """Give what root has made to whom the folder around it belongs.

    Else the server, which runs as that user, could not read the key that `sudo enlist …` made.
    A symbolic link is given itself, never what it points to: that user may have put it there, and
    would be given any file of the machine.
    """
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def hand_over_open(descriptor: int, folder: Path) -> None:
    """The same for an open file in a folder, whatever stands under its name by now."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def hand_over_all(folder: Path, owner: os.stat_result) -> None:
    """Give a folder that root has made, and everything in it, to whom the one around it belonged.

    Nobody else may come near it meanwhile, see `closed`.
    """
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def closed(folder: Path) -> Iterator[os.stat_result]:
    """Keep everybody else out of a folder while root works in it; hands out whose it was.

    Its owner could rename whatever stands in it, also what is root's, and put a link in its place.
    """
    was = folder.stat()
    if os.geteuid() != 0:
        yield was
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fchmod(descriptor, 0o700)
        os.fchown(descriptor, 0, 0)
        yield was
    finally:
        os.fchown(descriptor, was.st_uid, was.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(was.st_mode))
        os.close(descriptor)


def refuse_strangers(data: Path) -> None:
    """Refuse whoever may not use what is in the folder; one that is not there is nobody's.

    Raises:
        NotForThisUser: says as whom to run this, or what to give back to the folder's owner.
        DataFolderProblem: it is no folder.
    """
    with suppress(PermissionError):  # who may not look there hears so below
        if data.is_file():
            raise DataFolderProblem(f"{data} is a file. Give Enlist's data folder by --data.")
    for folder in (data, data / "keys", data / "pki"):
        try:
            refused = folder.exists() and not os.access(folder, os.R_OK | os.X_OK)
        except PermissionError:
            refused = True
        if refused:
            raise not_for_this_user(folder, data)
    database = [path for path in (data / name for name in _DATABASE) if path.exists()]
    for path in sorted([*database, *data.glob("keys/*"), *data.glob("pki/*")]):
        if not os.access(path, os.R_OK | (os.W_OK if path in database else 0)):
            raise not_for_this_user(path, data)


def not_for_this_user(path: Path, data: Path, what: str = "read") -> NotForThisUser:
    """What to do about a file in the data folder that this user may not read, or write."""
    me, whose = user_name(os.geteuid()), owner_name(data)
    if whose == me and owner_name(path) != me:
        return NotForThisUser(
            f"{path} belongs to {owner_name(path)}, the folder to {me}. "
            f"Run as root: chown -R {me}: {data}"
        )
    if whose == me:
        return NotForThisUser(f"{me} may not {what} {path}. Run: chmod -R u+rwX {data}")
    return NotForThisUser(
        f"{data} belongs to {whose}, and {me} may not {what} {path.name} in it. "
        f"Run this as {whose}: sudo -u {whose} enlist …"
        if path != data
        else f"{me} may not {what} {data}. Run this as {whose}: sudo -u {whose} enlist …"
    )


def user_name(number: int) -> str:
    """The name of an operating system's user, or his number where he has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def owner_name(path: Path) -> str:
    """Whose a file is; where that cannot be seen, the user of the guides."""
    try:
        return user_name(path.stat().st_uid)
    except OSError:
        return "enlist"
