"""Keys that another machine made and this one lacks: noticed while the server runs.

Machines that share a PostgreSQL database have a copy of the key folder each, and somebody carries
a new key from one to the others. Until he has, this server would tell the holder of a good token
that it is unknown. So it says what is missing, and takes no traffic once that key is in use.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import structlog

from enlist.core.clock import Clock
from enlist.core.secrets import begins
from enlist.store import installation
from enlist.store.lanes import Store
from enlist.store.tx import StoreUnavailable
from enlist.wiring.background import Background

EVERY: Final = 5.0
"""Seconds between two looks."""

_log = structlog.get_logger("enlist.keys")


def newer_elsewhere(data: Path, known: Mapping[str, str]) -> list[str]:
    """The keys of a database that are newer than any in the folder, by id.

    An older one that is not there was taken away on purpose, or is lost: that is looked at when
    the server starts. One in the folder that the database does not name any more counts for
    nothing: it was made to begin later, and leaked with the others.
    """

    def newer() -> Iterator[str]:
        for purpose in set(known.values()):
            newest = max((key for key in _held(data, purpose) if key in known), default="")
            yield from (key for key, what in known.items() if what == purpose and key > newest)

    return sorted(newer())


def _held(data: Path, purpose: str) -> Iterator[str]:
    files = "pki/issuing.*.pem" if purpose == "ca" else f"keys/{purpose}.*.key"
    return (path.name.split(".")[1] for path in data.glob(files))


class MissingKeys(Background):
    """A thread that compares what the database names with what the folder has.

    It begins after a wait: at the start nothing is missing, or the server would not start.
    """

    def __init__(self, store: Store, data: Path, clock: Clock, *, every: float = EVERY) -> None:
        super().__init__("missing-keys", first=every)
        self._store = store
        self._data = data
        self._clock = clock
        self._every = every
        self._said: list[str] = []
        self._in_use = False

    def why_not_ready(self) -> str:
        """The reason to take no traffic; "" while there is none."""
        return "keys" if self._in_use else ""

    def _again(self) -> float:
        with contextlib.suppress(StoreUnavailable):  # the readiness check says so itself
            self.look()
        return self._every

    def look(self) -> None:
        """Compare, and say what has changed."""
        missing = newer_elsewhere(self._data, self._store.read(installation.known_keys))
        self._in_use = any(begins(key) <= self._clock() for key in missing)
        if missing == self._said:
            return
        self._said = missing
        if missing:
            _log.error(
                "keys are missing here; copy them from the machine where they were made",
                keys=missing,
                into=str(self._data),
            )
        else:
            _log.info("no key is missing any more")
