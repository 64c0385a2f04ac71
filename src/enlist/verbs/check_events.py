"""Checking events one by one: each against its seal, and against what it says of itself.

Nothing here depends on more than the events of one piece of the log, so that pieces can be checked
in any order and by several processes. What depends on all of them is in `verify_log`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from pydantic_core import from_json

from enlist.core.clock import rfc3339
from enlist.core.ids import Id
from enlist.core.merkle import Hash, leaf_hash
from enlist.store import organizations, sealed_events
from enlist.store.lanes import Store
from enlist.store.sealed_events import Piece, Sealed

ERASED: Final = "user.erased"
"""The kind of event that accounts for personal values that are gone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed.

    Attributes:
        what: one word for programs.
        message: one line for people, with the place.
        seq: the place in the order, counted from 0, or the first that it may be.
        event_id: the event there.
        at: the event's moment, microseconds UTC.
    """

    what: str
    message: str
    seq: int | None = None
    event_id: Id | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking a piece.

    Attributes:
        leaves: the hashes as they are stored, in order; empty bytes for what is none.
        erased: events whose personal values were erased, as is allowed where a person was.
        accounted: of how many events the persons that were erased took them, by the log itself.
    """

    leaves: list[Hash]
    erased: int
    accounted: int
    findings: list[Finding]


def check(store: Store, piece: Piece) -> Checked:
    """Check every event of a piece."""
    events = sealed_events.read(store, piece)
    root = store.read(organizations.root)
    wrong = EventCheck(None if root is None else root.id)
    findings = list(_gaps(events, piece))
    findings += [
        Finding(what, f"{_named(event)}, number {event.seq}, {words}", *_place(event))
        for event in events
        if (said := wrong(event)) is not None
        for what, words in [said]
    ]
    findings.sort(key=lambda finding: finding.seq or 0)
    return Checked(
        leaves=[event.leaf if isinstance(event.leaf, bytes) else b"" for event in events],
        erased=sum(event.salt is None and event.entry is not None for event in events),
        accounted=sum(accounts_for(each.entry or "") for each in events if each.kind == ERASED),
        findings=findings,
    )


def accounts_for(entry: str) -> int:
    """From how many events a person was erased, by the entry that tells of it."""
    try:
        told = from_json(entry)["data"]["events"]
    except (KeyError, TypeError, ValueError):
        return 0  # what is wrong with it is found where it is checked
    return told if isinstance(told, int) else 0


def _gaps(events: list[Sealed], piece: Piece) -> Iterator[Finding]:
    """Where the numbers do not go on by one."""
    expected = max(piece.after + 1, 0)
    for event in events:
        seq = event.seq
        if seq > expected:
            missing = f"number {expected}" if seq == expected + 1 else f"{expected} to {seq - 1}"
            message = f"the order has a gap: {missing} is missing before event {event.event_id}"
            yield Finding("gap", message, expected, *_place(event)[1:])
        elif seq < expected:
            message = f"number {seq} stands where {expected} belongs: event {event.event_id}"
            yield Finding("gap", message, *_place(event))
        expected = seq + 1


def _named(event: Sealed) -> str:
    at = f" of {rfc3339(event.at)}" if isinstance(event.at, int) else ""
    return f"event {event.event_id}{at}"


def _place(event: Sealed) -> tuple[int, Id, int | None]:
    """Where to look: the number, the event, its moment."""
    return event.seq, event.event_id, event.at if isinstance(event.at, int) else None


class EventCheck:
    """Compares an event with its seal, and with what it says of itself.

    This runs for millions of events (K12), hence a decoder that is twice as fast as `json`.

    Args:
        root_id: the organization to which an event belongs whose entry names none.
    """

    def __init__(self, root_id: Id | None) -> None:
        self._root_id = root_id

    def __call__(self, event: Sealed) -> tuple[str, str] | None:
        """What is wrong with an event: a word, and in words."""
        if event.entry is None:
            return "missing", "was sealed, and is gone"
        try:
            text = event.entry.encode()
            if leaf_hash(text) != event.leaf:
                return "changed", "does not say what was sealed: its entry or its seal was changed"
            return self._within(event, from_json(text, cache_strings="keys"))
        except (KeyError, TypeError, ValueError, AttributeError):
            return "changed", "has an entry or personal values that Enlist never wrote"

    def _within(self, event: Sealed, entry: dict[str, Any]) -> tuple[str, str] | None:
        """Whether the rest of the event is as its entry has it."""
        about, actor = entry["about"], entry["actor"]
        listed = event[_LISTED:]
        said = (
            *(entry["at"], entry["kind"], actor["kind"], actor["id"]),
            about["organization"] or self._root_id,
            *(about["user"], about["device"], about["enrollment"]),
            # Entries of the first version were written without it.
            event.support_code if entry["v"] == 1 else entry["support_code"],
        )
        if listed != said or event.event_id != entry["id"]:
            pairs = zip((*listed, event.event_id), (*said, entry["id"]), strict=True)
            one, other = next(pair for pair in pairs if pair[0] != pair[1])
            return "columns", f"is listed under {one!s}, where its entry says {other}"
        if not _personal_fits(event.personal, event.salt, entry["personal"]):
            return "personal", "has other personal values than its entry has digests of"
        return None


_LISTED = Sealed._fields.index("at")
"""From here on stand the columns that lists are made from, and that an entry says as well."""


def _personal_fits(personal: str | None, salt: bytes | None, sealed: dict[str, str]) -> bool:
    """Whether the personal values are those of the entry, or erased together with their salt."""
    if personal is None or salt is None:
        return personal is None and salt is None
    values: dict[str, str] = from_json(personal, cache_strings="keys")
    found = {name: sha256(salt + value.encode()).hexdigest() for name, value in values.items()}
    return found == sealed
