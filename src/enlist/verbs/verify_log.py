"""Verifying the log: is it still what was sealed and signed?

The whole log is walked through once, in order and in constant memory, a piece at a time.
`check_events` checks the events of each, here or in several processes; here the tree grows over
their leaves and is compared with every checkpoint that there is. What the database holds could
have been written by whoever owns it; what convinces are the checkpoints that he cannot change,
because they are kept elsewhere.
"""

from __future__ import annotations

import heapq
import hmac
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import chain
from typing import Final

from enlist.core.checkpoints import Checkpoint, tells_of_restore
from enlist.core.clock import MINUTE, rfc3339
from enlist.core.merkle import Frontier, Hash
from enlist.pki.notes import NotSigned
from enlist.store import checkpoints, sealed_events, seals
from enlist.store.sealed_events import Piece
from enlist.store.seals import TILE_LEVELS
from enlist.verbs import check_events
from enlist.verbs.check_events import Checked, Finding
from enlist.verbs.checkpoints import SealedLog
from enlist.verbs.restored import Restored, Restores

_MOST: Final = 100
_MAY_WAIT: Final = MINUTE
_AHEAD: Final = 8
"""Pieces that are being checked, or wait for it."""


@dataclass
class Verification:
    """What came of verifying.

    Attributes:
        size: how many sealed events there are.
        root: the root of their tree.
        compared: with how many checkpoints the log was compared.
        agreed_at: the moment of the newest of those that it agrees with.
        erased: events whose personal values were erased, `accounted` by persons who were.
        unsealed: events that should have a place by now; the server is not running, or stuck.
        restores: what is missing because the log went on from a backup, oldest first.
        findings: the first hundred; `more` counts the rest.
    """

    size: int = 0
    root: Hash = b""
    compared: int = 0
    agreed_at: int | None = None
    erased: int = 0
    accounted: int = 0
    unsealed: int = 0
    restores: list[Restored] = field(default_factory=list)
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


WORTH_HELP: Final = 50_000
"""From so many events on another process saves more time than its start takes."""

Check = Callable[[Piece], Callable[[], Checked]]
"""Has a piece checked, perhaps by another process; what it answers waits until it is."""

Progress = Callable[[int], None]
"""Is told now and then how many events were walked past."""


def verify(
    log: SealedLog,
    given: Iterable[tuple[str, str]] = (),
    *,
    check: Check | None = None,
    progress: Progress = lambda _events: None,
) -> Verification:
    """Walk through the log and say everything that is wrong.

    Args:
        given: checkpoints that were kept elsewhere: where, and the note.
        check: has the events of a long log checked, by helpers; else it is done here.
    """
    done = Verification()
    if check is None or log.store.read(seals.size) < WORTH_HELP:
        check = partial(_check_here, log)
    given = list(given)
    claims = _Claims(log, done, given)
    merged = heapq.merge(
        sorted(claims.of(given), key=lambda claim: claim.size),
        claims.rising(_in_folder(log)),
        claims.rising(_stored(log)),
        key=lambda claim: claim.size,
    )
    with ThreadPoolExecutor(1) as beside:  # what the database does alone, while helpers check
        twice = beside.submit(log.store.read, sealed_events.sealed_twice)
        unsealed = beside.submit(
            log.store.read, lambda tx: sealed_events.unsealed(tx, tx.now - _MAY_WAIT)
        )
        _Walk(log, done, check, progress).run(merged)
    _account_for_the_erased(log, done)
    if (found := twice.result()) is not None:
        event_id, first, last = found
        message = f"event {event_id} is sealed twice, as number {first} and as number {last}"
        done.found(Finding("sealed_twice", message, first, event_id))
    done.unsealed = unsealed.result()
    return done


def _account_for_the_erased(log: SealedLog, done: Verification) -> None:
    """Whoever may write into the database may also erase what nobody asked for, and so hide who did
    something and from where. From how many events a person was erased is sealed."""
    if done.erased > done.accounted:  # by somebody who was erased while we walked?
        later = log.store.read(
            lambda tx: sealed_events.entries_from(tx, done.size, check_events.ERASED)
        )
        done.accounted += sum(map(check_events.accounts_for, later))
    if done.erased > done.accounted:
        message = (
            f"personal values are gone from {done.erased} events, but the persons who were erased "
            f"(user.erased) account for {done.accounted}: somebody has removed the others"
        )
        done.found(Finding("erased", message))


def _check_here(log: SealedLog, piece: Piece) -> Callable[[], Checked]:
    return partial(check_events.check, log.store, piece)


_Note = tuple[str, str]
"""A checkpoint as it is kept, behind where."""


def _in_folder(log: SealedLog) -> Iterator[_Note]:
    return (("the data folder", note) for note in log.kept.notes())


def _stored(log: SealedLog) -> Iterator[_Note]:
    return (("the database", note) for note in checkpoints.every(log.store))


class _Claims:
    """Reads notes; those that are none of this log are findings.

    A note that a restore explains claims nothing about this log; it is counted with the restore.
    """

    def __init__(self, log: SealedLog, done: Verification, given: Iterable[_Note]) -> None:
        # Most stand in the data folder and in the database: one signature, checked once.
        self._read = lru_cache(100)(log.read_note)
        self._done = done
        self._restores = Restores(self._of_restores(chain(given, _in_folder(log), _stored(log))))
        done.restores = self._restores.found

    def _of_restores(self, notes: Iterable[_Note]) -> Iterator[Checkpoint]:
        for _, note in notes:
            if tells_of_restore(note):
                with suppress(NotSigned):
                    yield self._read(note)

    def of(self, notes: Iterable[_Note]) -> Iterator[_Claim]:
        """The checkpoints that are signed by a key of this log."""
        for where, note in notes:
            try:
                claim = _Claim(where, self._read(note))
                if not self._restores.explain(claim.checkpoint):
                    yield claim
            except NotSigned as error:
                first = note.partition("\n\n")[0].replace("\n", " ")[:120]
                message = f"a checkpoint in {where} does not count: {error} ({first})"
                self._done.found(Finding("not_signed", message))

    def rising(self, notes: Iterable[_Note]) -> Iterator[_Claim]:
        """The same; a log only grows, and so do its checkpoints."""
        last: _Claim | None = None
        for claim in self.of(notes):
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

    def __init__(
        self, log: SealedLog, done: Verification, check: Check, progress: Progress
    ) -> None:
        self._log = log
        self._done = done
        self._check = check
        self._progress = progress
        self._pieces = sealed_events.Walk(log.store)
        self._asked: deque[Callable[[], Checked]] = deque()
        self._leaves: list[Hash] = []
        self._used = 0
        self._tree = Frontier(on_full=self._full)
        self._subtrees: dict[int, sealed_events.SubtreeWalk | None] = {}
        self._agreed: _Claim | None = None
        self._differs = False

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
            if self._used == len(self._leaves) and not self._next_piece():
                return False
            end = None if size is None else self._used + size - self._tree.size
            following = self._leaves[self._used : end]
            self._tree.extend(following)
            self._used += len(following)
        return True

    def _next_piece(self) -> bool:
        """Take over what was checked next, while others are checked; False at the log's end."""
        while len(self._asked) < _AHEAD and (piece := self._pieces.next()) is not None:
            self._asked.append(self._check(piece))
        if not self._asked:
            return False
        checked = self._asked.popleft()()
        for finding in checked.findings:
            self._done.found(finding)
        self._done.erased += checked.erased
        self._done.accounted += checked.accounted
        self._leaves, self._used = checked.leaves, 0
        self._progress(self._tree.size)
        return True

    def _full(self, level: int, position: int, nodes: Sequence[Hash]) -> None:
        """Compare perfect subtrees with those that are kept for proofs."""
        if level % TILE_LEVELS:
            return
        if level not in self._subtrees:
            self._subtrees[level] = sealed_events.SubtreeWalk(self._log.store, level)
        for at, node in enumerate(nodes, position):
            kept = self._subtrees[level]
            if kept is None or kept.next() == (at, node):
                continue
            self._subtrees[level] = None  # those after it stand at the wrong place, if any
            first, last = at << level, ((at + 1) << level) - 1
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
