"""Identifiers: UUID version 7 (RFC 9562 section 5.7), so that newest first is key order."""

from __future__ import annotations

import secrets
import threading
import uuid
from functools import lru_cache
from typing import Final

Id = str
"""A UUID in its canonical 36 characters. Never a secret (ASVS 11.5.1)."""

NOTHING: Final[Id] = "00000000-0000-7000-8000-000000000000"
"""The id of nothing that was ever made, where a statement or a type asks for one."""

_STEPS_OF_A_MILLISECOND = 1 << 26
"""An id's clock: twelve bits of the fraction of the millisecond, fourteen of a counter."""

_BACKWARDS = 10_000 * _STEPS_OF_A_MILLISECOND
"""A clock that goes back further than these ten seconds was set right: ids follow it."""

LATEST = 60_000_000
"""How many microseconds after its moment an id is dated at most, and then some."""


_RANDOM_BYTES = 6
_DRAWN_AT_ONCE = 512
"""Random parts of ids. The system gives them without Python's lock: whoever asked for each by
itself would wait for the lock each time, which was a quarter of the time of issuing in bulk."""


class _Sequence:
    """The clock of the ids of this process: it goes on by at least one step for each."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._lock = threading.Lock()
        self._last = 0
        self._drawn: list[int] = []

    def next(self, now: int, count: int = 1) -> tuple[int, int]:
        """Steps since 1970, at `now` (microseconds UTC) or as little later as order demands.

        The first of `count`, which are all taken; and 48 random bits.
        """
        moment = now * _STEPS_OF_A_MILLISECOND // 1_000
        with self._lock:
            following = self._last + 1
            backwards = following - moment > _BACKWARDS
            first = moment if backwards else max(moment, following)
            self._last = first + count - 1
            if not self._drawn:
                self._drawn = _draw()
            return first, self._drawn.pop()


def _draw() -> list[int]:
    drawn = secrets.token_bytes(_RANDOM_BYTES * _DRAWN_AT_ONCE)
    starts = range(0, len(drawn), _RANDOM_BYTES)
    return [int.from_bytes(drawn[at : at + _RANDOM_BYTES], "big") for at in starts]


_sequence = _Sequence()


def begin_anew() -> None:
    """What a process does that was forked: else it would use the same random bits as the other."""
    _sequence.forget()


def new_id(now: int) -> Id:
    """A fresh UUIDv7 for `now` (microseconds UTC), greater than this process's last.

    The bits after the version hold the fraction of the millisecond and a counter (RFC 9562
    section 6.2, methods 3 and 1), which carries into the time when it is full: ids sort as they
    were made, even in a transaction of a million rows, whose `now` stands still.
    """
    return _id(*_sequence.next(now))


def new_block(now: int, count: int) -> Id:
    """The first of `count` fresh ids, which `in_block` tells from it: one is remembered for all."""
    return _id(*_sequence.next(now, count))


def in_block(first: Id, place: int) -> Id:
    """The id at `place` of the block that begins with `first`; the first is at 0."""
    steps, random = _parts(first)
    return _id(steps + place, random)


@lru_cache(maxsize=64)
def _parts(first: Id) -> tuple[int, int]:
    """Steps since 1970 and random bits; asked for each row of a request."""
    value = int(first.replace("-", ""), 16)
    steps = (value >> 80) * _STEPS_OF_A_MILLISECOND
    steps += (value >> 64 & 0xFFF) << 14 | value >> 48 & 0x3FFF
    return steps, value & ((1 << 48) - 1)


def least_id(moment: int) -> Id:
    """What sorts before every id of `moment` (microseconds UTC) and later.

    An id is never dated before its moment, and after it by less than `LATEST`.
    """
    return _id(max(0, moment) * _STEPS_OF_A_MILLISECOND // 1_000, 0)


def _id(steps_since_1970: int, random: int) -> Id:
    millis, steps = divmod(steps_since_1970, _STEPS_OF_A_MILLISECOND)
    fraction, counter = divmod(steps, 1 << 14)
    value = (millis & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= fraction << 64
    value |= 0b10 << 62
    value |= counter << 48
    value |= random
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def random_uuid(material: bytes) -> str:
    """The UUIDv4 (RFC 9562 section 5.4) of 16 bytes: for protocols whose secrets must look so.

    It is as hard to guess as the bytes are, and never the id of anything.
    """
    return str(uuid.UUID(bytes=material, version=4))


def parse_id(text: str) -> Id | None:
    """The canonical form of `text`, or None when it is no UUID."""
    if len(text) not in (32, 36):
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
