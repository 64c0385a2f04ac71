"""Identifiers: UUID version 7 (RFC 9562 section 5.7), so that newest first is key order."""

from __future__ import annotations

import itertools
import secrets
import uuid

Id = str
"""A UUID in its canonical 36 characters. Never a secret (ASVS 11.5.1)."""

_counter = itertools.count(secrets.randbits(13))


def new_id(now: int) -> Id:
    """A fresh UUIDv7 for `now` (microseconds UTC).

    The twelve bits after the version hold the fraction of the millisecond (RFC 9562
    section 6.2, method 3), and a counter follows, so ids made one after the other sort that way
    even within one transaction, whose `now` stands still.
    """
    millis, micros = divmod(now, 1_000)
    fraction = micros * 4096 // 1_000
    value = (millis & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= fraction << 64
    value |= 0b10 << 62
    value |= (next(_counter) & 0x3FFF) << 48
    value |= secrets.randbits(48)
    return str(uuid.UUID(int=value))


def parse_id(text: str) -> Id | None:
    """The canonical form of `text`, or None when it is no UUID."""
    if len(text) not in (32, 36):
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
