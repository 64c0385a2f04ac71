"""Verifying the log: is it still what was sealed and signed?

The whole log is walked through once, in order and in constant memory. Each event is compared with
its seal, its columns and personal values with its entry, the tree with every checkpoint that there
is. What the database holds could have been written by whoever owns it; what convinces are the
checkpoints that he cannot change, because they are kept elsewhere.
"""

from __future__ import annotations

import heapq
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final

from enlist.core.checkpoints import Checkpoint
from enlist.core.clock import MINUTE, rfc3339
from enlist.core.ids import Id
from enlist.core.merkle import Frontier, Hash, leaf_hash
from enlist.pki.notes import NotSigned
from enlist.store import checkpoints, organizations, sealed_events
from enlist.store.seals import TILE_LEVELS
from enlist.store.tx import Row
from enlist.verbs.checkpoints import SealedLog

_MOST: Final = 100
_MAY_WAIT: Final = MINUTE


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


@dataclass
class Verification:
    """What came of verifying.

    Attributes:
        size: how many sealed events there are.
        root: the root of their tree.
        compared: with how many checkpoints the log was compared.
        agreed_at: the moment of the newest of those that it agrees with.
        erased: events whose personal values were erased, as is allowed.
        unsealed: events that should have a place by now; the server is not running, or stuck.
        findings: the first hundred; `more` counts the rest.
    """

    size: int = 0
    root: Hash = b""
    compared: int = 0
    agreed_at: int | None = None
    erased: int = 0
    unsealed: int = 0
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def found(self, finding: Finding) -> None:
        """Add what was found; its memory does not grow without end."""
        if len(self.findings) < _MOST:
            self.findings.append(finding)
        else:
            self.more += 1


@dataclass(frozen=True, slots=True)
class _Claim:
    """A checkpoint, and where it was found."""

    where: str
    checkpoint: Checkpoint

    @property
    def size(self) -> int:
        return self.checkpoint.size

    def __str__(self) -> str:
        return f"the checkpoint of {rfc3339(self.checkpoint.made_at)} in {self.where}"


def verify(log: SealedLog, given: Iterable[tuple[str, str]] = ()) -> Verification:
    """Walk through the log and say everything that is wrong.

    Args:
        given: checkpoints that were kept elsewhere: where, and the note.
    """
    done = Verification()
    claims = _Claims(log, done)
    elsewhere = sorted(claims.of(given), key=lambda claim: claim.size)
    in_folder = claims.of(("the data folder", note) for note in log.kept.notes())
    stored = claims.of(("the database", note) for note in checkpoints.every(log.store))
    merged = heapq.merge(
        elsewhere,
        claims.rising(in_folder),
        claims.rising(stored),
        key=lambda claim: claim.size,
    )
    _Walk(log, done).run(merged)
    twice = log.store.read(sealed_events.sealed_twice)
    if twice is not None:
        event_id, first, last = twice
        message = f"event {event_id} is sealed twice, as number {first} and as number {last}"
        done.found(Finding("sealed_twice", message, first, event_id))
    done.unsealed = log.store.read(lambda tx: sealed_events.unsealed(tx, tx.now - _MAY_WAIT))
    return done


class _Claims:
    """Reads notes; those that are none of this log are findings."""

    def __init__(self, log: SealedLog, done: Verification) -> None:
        self._log = log
        self._done = done

    def of(self, notes: Iterable[tuple[str, str]]) -> Iterator[_Claim]:
        """The checkpoints that are signed by a key of this log."""
        for where, note in notes:
            try:
                yield _Claim(where, self._log.read_note(note))
            except NotSigned as error:
                first = note.partition("\n\n")[0].replace("\n", " ")[:120]
                message = f"a checkpoint in {where} does not count: {error} ({first})"
                self._done.found(Finding("not_signed", message))

    def rising(self, claims: Iterable[_Claim]) -> Iterator[_Claim]:
        """The same; a log only grows, and so do its checkpoints."""
        last: _Claim | None = None
        for claim in claims:
            if last is not None and claim.size < last.size:
                message = (
                    f"{claim} has {claim.size} events, fewer than the one before it, of "
                    f"{rfc3339(last.checkpoint.made_at)} with {last.size}: the log was rolled back"
                )
                self._done.found(Finding("rolled_back", message, claim.size))
                continue
            last = claim
            yield claim


class _Walk:
    """The way through the log, from one checkpoint to the next."""

    def __init__(self, log: SealedLog, done: Verification) -> None:
        self._log = log
        self._done = done
        self._rows = sealed_events.Walk(log.store)
        self._tree = Frontier(on_full=self._full)
        self._subtrees: dict[int, sealed_events.SubtreeWalk | None] = {}
        self._shift = 0
        self._agreed: _Claim | None = None
        self._differs = False
        root = log.store.read(organizations.root)
        self._check = EventCheck(None if root is None else root.id)

    def run(self, claims: Iterable[_Claim]) -> None:
        """Walk from claim to claim, then to the end."""
        last: _Claim | None = None
        for claim in claims:
            if last is not None and last.size == claim.size:
                self._same_size(last, claim)
            else:
                self._done.compared += 1
            last = claim
            if self._advance(claim.size):
                self._compare(claim)
            else:
                self._too_short(claim)
        self._advance(None)
        self._done.size, self._done.root = self._tree.size, self._tree.root()
        if self._agreed is not None:
            self._done.agreed_at = self._agreed.checkpoint.made_at

    def _advance(self, size: int | None) -> bool:
        """Walk until there are `size` events; False where the log ends before."""
        while size is None or self._tree.size < size:
            row = self._rows.next()
            if row is None:
                return False
            self._step(row)
        return True

    def _step(self, row: Row) -> None:
        seq, expected = int(row["seq"]), self._tree.size + self._shift
        if seq != expected:
            if seq > expected:
                missing = (
                    f"number {expected}" if seq == expected + 1 else f"{expected} to {seq - 1}"
                )
                message = (
                    f"the order has a gap: {missing} is missing before event {row['event_id']}"
                )
            else:
                message = f"number {seq} stands where {expected} belongs: event {row['event_id']}"
            self._done.found(
                Finding("gap", message, min(seq, expected), row["event_id"], row["at"])
            )
            self._shift += seq - expected
        wrong = self._check(row)
        if wrong is not None:
            what, words = wrong
            at = "" if row["at"] is None else f" of {rfc3339(int(row['at']))}"
            message = f"event {row['event_id']}{at}, number {seq}, {words}"
            self._done.found(Finding(what, message, seq, row["event_id"], row["at"]))
        self._done.erased += row["salt"] is None and row["id"] is not None
        leaf = row["leaf"]
        self._tree.push(leaf if isinstance(leaf, bytes) else b"")

    def _full(self, level: int, position: int, node: Hash) -> None:
        """Compare a perfect subtree with the one that is kept for proofs."""
        if level % TILE_LEVELS:
            return
        if level not in self._subtrees:
            self._subtrees[level] = sealed_events.SubtreeWalk(self._log.store, level)
        kept = self._subtrees[level]
        if kept is None or kept.next() == (position, node):
            return
        self._subtrees[level] = None  # those after it stand at the wrong place, if any
        first, last = position << level, ((position + 1) << level) - 1
        message = f"the stored hash of numbers {first} to {last} is not that of these events"
        self._done.found(Finding("subtree_changed", message, first))

    def _same_size(self, one: _Claim, other: _Claim) -> None:
        if hmac.compare_digest(one.checkpoint.root, other.checkpoint.root):
            return
        message = f"two signed checkpoints of {one.size} events differ: {one}, and {other}"
        self._done.found(Finding("split_view", message, None))

    def _compare(self, claim: _Claim) -> None:
        if hmac.compare_digest(self._tree.root(), claim.checkpoint.root):
            if not self._differs:
                self._agreed = claim
            return
        if self._differs:
            return  # one change makes every later checkpoint differ
        self._differs = True
        first = 0 if self._agreed is None else self._agreed.size
        before = "" if self._agreed is None else f"; they still agree with {self._agreed}"
        message = (
            f"the events are not those that were signed: between number {first} and number "
            f"{claim.size - 1} something was changed, added, removed or moved. They do not agree "
            f"with {claim}{before}"
        )
        self._done.found(Finding("differs", message, first, None, claim.checkpoint.made_at))

    def _too_short(self, claim: _Claim) -> None:
        size = self._tree.size
        message = (
            f"the log ends with number {size - 1}, but {claim} says that there were {claim.size} "
            "events: its end was cut off, or an old copy of the database was put in its place"
        )
        if not any(finding.what == "too_short" for finding in self._done.findings):
            self._done.found(Finding("too_short", message, size, None, claim.checkpoint.made_at))


_LISTED: Final = itemgetter(
    *("id", "at", "kind", "actor_kind", "actor_id"),
    *("organization_id", "user_id", "device_id", "enrollment_id", "support_code"),
)
"""What lists are made from, and an entry says as well."""

_decode = json.JSONDecoder().raw_decode
"""Without what `json.loads` looks at first: this runs for millions of entries (K12)."""


class EventCheck:
    """Compares an event with its seal, and with what it says of itself.

    Args:
        root_id: the organization to which an event belongs whose entry names none.
    """

    def __init__(self, root_id: Id | None) -> None:
        self._root_id = root_id

    def __call__(self, row: Row) -> tuple[str, str] | None:
        """What is wrong with a row of `store.sealed_events`: a word, and in words."""
        if row["id"] is None:
            return "missing", "was sealed, and is gone"
        text = str(row["entry"])
        if leaf_hash(text.encode()) != row["leaf"]:
            return "changed", "does not say what was sealed: its entry or its seal was changed"
        try:
            return self._within(row, _decode(text)[0])
        except (KeyError, TypeError, ValueError, AttributeError):
            return "changed", "has an entry or personal values that Enlist never wrote"

    def _within(self, row: Row, entry: dict[str, Any]) -> tuple[str, str] | None:
        """Whether the rest of the event is as its entry has it."""
        about, actor = entry["about"], entry["actor"]
        listed = _LISTED(row)
        said = (
            *(entry["id"], entry["at"], entry["kind"], actor["kind"], actor["id"]),
            about["organization"] or self._root_id,
            *(about["user"], about["device"], about["enrollment"]),
            # Entries of the first version were written without it.
            row["support_code"] if entry["v"] == 1 else entry["support_code"],
        )
        if listed != said:
            one, other = next(pair for pair in zip(listed, said, strict=True) if len({*pair}) > 1)
            return "columns", f"is listed under {one}, where its entry says {other}"
        if not _personal_fits(row["personal"], row["salt"], entry["personal"]):
            return "personal", "has other personal values than its entry has digests of"
        return None


def _personal_fits(personal: str | None, salt: bytes | None, sealed: dict[str, str]) -> bool:
    """Whether the personal values are those of the entry, or erased together with their salt."""
    if personal is None or salt is None:
        return personal is None and salt is None
    values: dict[str, str] = _decode(personal)[0]
    found = {name: sha256(salt + value.encode()).hexdigest() for name, value in values.items()}
    return found == sealed
