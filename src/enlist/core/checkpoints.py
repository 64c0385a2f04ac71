"""A checkpoint: how long the log was at a moment, and the root of its tree then.

Written as the C2SP formats `tlog-checkpoint` and `signed-note` say, so that tools of others read
it: the log's name, its size, the root in base64, then lines of one's own. There is one, the
moment; the first checkpoint after a restore says in another one what the restore kept.
`pki.notes` signs it.
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
    """

    origin: str
    size: int
    root: Hash
    made_at: int
    restore: Restore | None = None

    def body(self) -> str:
        """The text that a signature is made over."""
        root = base64.b64encode(self.root).decode()
        restored = "" if self.restore is None else f"{self.restore}\n"
        return f"{self.origin}\n{self.size}\n{root}\n{_TIME}{rfc3339(self.made_at)}\n{restored}"


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
    return Checkpoint(name, int(size), found, made_at, _restore(*more) if more else None)


def _restore(line: str) -> Restore:
    found = _RESTORE.fullmatch(line)
    if found is None:
        raise ValueError(f"{line!r} is no restore")
    return Restore(int(found[1]), int(found[2]))


def tells_of_restore(note: str) -> bool:
    """Whether a note looks like the first one after a restore; its signature says if it is."""
    return "\nrestore " in note
