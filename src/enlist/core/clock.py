"""Time is a number that somebody hands in: microseconds since 1970, UTC.

One unit everywhere (store, verbs, events), so that no comparison ever mixes zones or
resolutions (X08). Only the edge turns it into text.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]
"""Answers the present moment in microseconds UTC."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def system_clock() -> int:
    """The machine's clock; the only place that reads it."""
    return time.time_ns() // 1_000


def to_datetime(moment: int) -> datetime:
    """`moment` (microseconds UTC) as an aware datetime, without losing a microsecond."""
    seconds, micros = divmod(moment, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


def from_datetime(value: datetime) -> int:
    """An aware datetime as microseconds UTC.

    Raises:
        ValueError: the datetime is naive; a time without a zone is nobody's time.
    """
    if value.tzinfo is None:
        raise ValueError("a time needs a zone, for example 2026-01-31T12:00:00+01:00")
    delta = value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def rfc3339(moment: int) -> str:
    """`moment` as RFC 3339 text in UTC, to the microsecond (X07)."""
    return to_datetime(moment).isoformat(timespec="microseconds").replace("+00:00", "Z")
