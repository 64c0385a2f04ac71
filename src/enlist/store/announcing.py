"""Telling every process that sessions may have ended, in the transaction that ended them.

Whatever takes something away from devices calls this, inside the store: no verb can forget it, and
nothing is told of what is rolled back. PostgreSQL hands it on by NOTIFY. On SQLite a function of
the connection tells the server in the same process, and `data_version` the one in another. What is
told is only a reason to look (`device_sessions.ended`): where it is lost, the heartbeat looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from enlist.core.ids import Id
from enlist.store.tx import Query, Tx

CHANNEL: Final = "enlist_sessions"
"""PostgreSQL's name for where it is told."""


class Of(StrEnum):
    """Whose sessions may have ended."""

    DEVICE = "device"
    USER = "user"
    ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True)
class Whose:
    """The sessions of one device, of one user's devices, or of an organization and below."""

    of: Of
    id: str

    @classmethod
    def parse(cls, text: str) -> Whose | None:
        """What was told; None for what this version does not understand."""
        of, _, named = text.partition(":")
        return cls(Of(of), named) if of in set(Of) else None


_ANNOUNCE = Query(
    "session.announce",
    "SELECT enlist_announce(:told) AS told",
    postgres=f"SELECT pg_notify('{CHANNEL}', CAST(:told AS text)) AS told",
)


def ended(tx: Tx, of: Of, named: Id) -> None:
    """Sessions of these may have ended. For an organization its path is given, not its id."""
    tx.one(_ANNOUNCE, told=f"{of}:{named}")
