"""How the channels for messages do: since when one cannot be reached, and what it refused in a row.

Whoever sends writes it down with what came of each try, so that any process can tell. While all is
well nothing is written: the statements find no row to change.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.store.alerts import LONGEST
from enlist.store.tx import Query, Reader, Tx

_ALL = Query(
    "channel_health.all",
    "SELECT h.channel, h.failing_since, h.refused, h.reason FROM channel_health h "
    "ORDER BY h.channel",
)
_WELL = Query(
    "channel_health.well",
    """
    UPDATE channel_health SET failing_since = NULL, refused = 0, reason = ''
     WHERE channel = :channel AND (failing_since IS NOT NULL OR refused > 0)
    """,
)
_UNREACHABLE = Query(
    "channel_health.unreachable",
    """
    INSERT INTO channel_health (channel, failing_since, refused, reason)
    VALUES (:channel, :now, 0, :reason)
    ON CONFLICT (channel) DO UPDATE SET
        failing_since = COALESCE(channel_health.failing_since, excluded.failing_since),
        reason = excluded.reason
    """,
)
_REFUSED = Query(
    "channel_health.refused",
    """
    INSERT INTO channel_health (channel, failing_since, refused, reason)
    VALUES (:channel, NULL, 1, :reason)
    ON CONFLICT (channel) DO UPDATE SET
        refused = channel_health.refused + 1, reason = excluded.reason
    """,
)


@dataclass(frozen=True, slots=True)
class Health:
    """How a channel does.

    Attributes:
        failing_since: since when nobody is there; None where somebody is.
        refused: how many messages in a row were refused for good.
        reason: of the last trouble.
    """

    channel: str
    failing_since: int | None
    refused: int
    reason: str


def everything(tx: Reader) -> list[Health]:
    """Every channel that was in trouble once."""
    return [Health(**row) for row in tx.all(_ALL)]


def well(tx: Tx, channel: str) -> None:
    """A message was taken."""
    tx.run(_WELL, channel=channel)


def unreachable(tx: Tx, channel: str, reason: str) -> None:
    """Nobody is there, or takes anything from us."""
    tx.run(_UNREACHABLE, channel=channel, reason=reason[:LONGEST], now=tx.now)


def refused(tx: Tx, channel: str, reason: str) -> None:
    """A message was refused for good."""
    tx.run(_REFUSED, channel=channel, reason=reason[:LONGEST])
