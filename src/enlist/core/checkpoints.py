"""A checkpoint: how long the log was at a moment, and the root of its tree then.

Written as the C2SP formats `tlog-checkpoint` and `signed-note` say, so that tools of others read
it: the log's name, its size, the root in base64, then lines of one's own, of which there is one,
the moment. `pki.notes` signs it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from enlist.core.clock import from_datetime, rfc3339
from enlist.core.ids import Id
from enlist.core.merkle import Hash

_TIME: Final = "time "


def origin(installation_id: Id) -> str:
    """The name of an installation's log, which is also the name of its keys."""
    return f"enlist/{installation_id}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed.

    Attributes:
        origin: whose log it is.
        size: how many events were sealed.
        root: the root of their tree.
        made_at: microseconds UTC.
    """

    origin: str
    size: int
    root: Hash
    made_at: int

    def body(self) -> str:
        """The text that a signature is made over."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\n{_TIME}{rfc3339(self.made_at)}\n"


def parse(body: str) -> Checkpoint:
    """The checkpoint that a body says.

    Raises:
        ValueError: it is none of ours.
    """
    lines = body.split("\n")
    if len(lines) != 5 or lines[4]:
        raise ValueError("a checkpoint has four lines: name, size, root, time")
    name, size, root, moment = lines[:4]
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
    return Checkpoint(name, int(size), found, made_at)
