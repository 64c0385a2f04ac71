"""A checkpoint: how long the log was at a moment, and the root of its tree then.

Written as the C2SP formats `tlog-checkpoint` and `signed-note` say, so that tools of others read
it: the log's name, its size, the root in base64, then lines of one's own. There is one, the
moment. The first checkpoint after a restore says in another one what the restore kept, and all
that follow how many restores there were: a moment is only what a clock said, and a clock that is
wrong must not make a rollback look like a restore. `pki.notes` signs it.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from enlist.core.clock import from_datetime, rfc3339
from enlist.core.ids import Id
from enlist.core.merkle import Hash

_TIME: Final = "time "
_RESTORE: Final = re.compile(r"restore ([1-9][0-9]{0,17}) kept (0|[1-9][0-9]{0,17})", re.ASCII)
_EPOCH: Final = re.compile(r"epoch ([1-9][0-9]{0,17})", re.ASCII)


def origin(installation_id: Id) -> str:
    """The name of an installation's log, which is also the name of its keys."""
    return f"enlist/{installation_id}"


@dataclass(frozen=True, slots=True)
class Restore:
    """That the log went on from a backup.

    Attributes:
        epoch: how often this installation was restored, this time included.
        kept: of how many events the backup knew the place; those that came after them in the
            log of before are not in this one.
    """

    epoch: int
    kept: int

    def __str__(self) -> str:
        return f"restore {self.epoch} kept {self.kept}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed.

    Attributes:
        origin: whose log it is.
        size: how many events were sealed.
        root: the root of their tree.
        made_at: microseconds UTC.
        restore: what the restore kept that this is the first checkpoint after.
        epoch: how often the installation had been restored; that of `restore`, where there is one.
    """

    origin: str
    size: int
    root: Hash
    made_at: int
    restore: Restore | None = None
    epoch: int = 0

    def __post_init__(self) -> None:
        if self.restore is not None:
            object.__setattr__(self, "epoch", self.restore.epoch)

    def body(self) -> str:
        """The text that a signature is made over."""
        root = base64.b64encode(self.root).decode()
        more = ""
        if self.epoch:
            more = f"epoch {self.epoch}\n" if self.restore is None else f"{self.restore}\n"
        return f"{self.origin}\n{self.size}\n{root}\n{_TIME}{rfc3339(self.made_at)}\n{more}"


def parse(body: str) -> Checkpoint:
    """The checkpoint that a body says.

    Raises:
        ValueError: it is none of ours.
    """
    name, *lines = body.split("\n")
    if len(lines) not in (4, 5) or lines[-1]:
        raise ValueError("a checkpoint has four lines: name, size, root, time; or a fifth")
    size, root, moment, *more = lines[:-1]
    if not size.isascii() or not size.isdigit() or str(int(size)) != size:
        raise ValueError(f"{size!r} is no size")
    try:
        found = base64.b64decode(root, validate=True)
    except ValueError as error:
        raise ValueError(f"the root is no base64: {error}") from error
    if len(found) != 32:
        raise ValueError("the root is no SHA-256")
    if not moment.startswith(_TIME):
        raise ValueError("the line with the time is missing")
    made_at = from_datetime(datetime.fromisoformat(moment.removeprefix(_TIME)))
    restore, epoch = _past(*more) if more else (None, 0)
    return Checkpoint(name, int(size), found, made_at, restore, epoch)


def _past(line: str) -> tuple[Restore | None, int]:
    if restored := _RESTORE.fullmatch(line):
        restore = Restore(int(restored[1]), int(restored[2]))
        return restore, restore.epoch
    if since := _EPOCH.fullmatch(line):
        return None, int(since[1])
    raise ValueError(f"{line!r} is neither a restore nor an epoch")


def tells_of_restore(note: str) -> bool:
    """Whether a note looks like the first one after a restore; its signature says if it is."""
    return "\nrestore " in note
