"""Identifiers: UUID version 7 (RFC 9562 section 5.7), so that newest first is key order."""

from __future__ import annotations

import secrets
import uuid

Id = str
"""A UUID in its canonical 36 characters. Never a secret (ASVS 11.5.1)."""


def new_id(now: int) -> Id:
    """A fresh UUIDv7 for `now` (microseconds UTC).

    The twelve bits after the version hold the fraction of the millisecond (RFC 9562
    section 6.2, method 3), so ids made one after the other also sort that way.
    """
    millis, micros = divmod(now, 1_000)
    fraction = micros * 4096 // 1_000
    value = (millis & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= fraction << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return str(uuid.UUID(int=value))


def parse_id(text: str) -> Id | None:
    """The canonical form of `text`, or None when it is no UUID."""
    if len(text) not in (32, 36):
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
