"""Sealing: committed events get their place in the log, beside the requests that made them.

The order is the order in which they are found, and it is final: place and hash of an event are
rows that nothing changes. One process seals at a time; who comes second finds nothing to do.

What is found at the end of the log is sealed at once. Because a clock may be wrong, or a
transaction very slow, the whole log is also looked through for events without a place: once at
the start, and then a little with every so many looks, round and round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core import merkle
from enlist.core.clock import SECOND
from enlist.core.ids import NOTHING, Id, least_id
from enlist.core.merkle import Frontier, Hash, leaf_hash
from enlist.store import seals
from enlist.store.lanes import Store
from enlist.store.seals import TILE_LEVELS, LogDamaged, StoredSubtrees, Subtree, Unsealed
from enlist.store.tx import Reader, UniqueViolation

BATCH: Final = 2_000
"""How many events are sealed in one transaction."""

MARGIN: Final = 1 * SECOND
"""How far a transaction's moment may be from its first statement, and clocks from each other."""

WIDE_MARGIN: Final = 20 * SECOND
"""The same for clocks that are worse; now and then, as looking so far back costs more."""

_WIDE_EVERY: Final = 20
"""Looks at the end of the log, for one that goes further back, and one at a page of the rest."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a look saw: unsealed events, and the tree that they will be added to."""

    events: Sequence[Unsealed]
    size: int
    peaks: Sequence[Hash]


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one look: how many were sealed, and whether to look again at once."""

    sealed: int
    more: bool


class Sealer:
    """Gives places. It remembers how far it has looked; each process has its own.

    Args:
        batch: how many events at most are sealed in one transaction.
    """

    def __init__(self, store: Store, *, batch: int = BATCH) -> None:
        self._store = store
        self._batch = batch
        self._looks = 0
        # Whatever began earlier was seen by the last look; None until all has been looked through.
        self._since: int | None = None
        self._began = 0
        self._after: Id = NOTHING
        self._resume: Id | None = None

    def look(self) -> Look:
        """Seal what is found, at most a batch of it.

        Raises:
            LogDamaged: what is stored of the tree is not whole.
            StoreUnavailable: nothing was written.
        """
        if self._since is None:
            return self._first(self._after)
        self._looks += 1
        if self._looks % _WIDE_EVERY:
            return self._recent(self._since, MARGIN)
        _, self._after = self._page(self._after)
        return self._recent(self._since, WIDE_MARGIN)

    def seal_all(self) -> int:
        """Look until there is no more to seal; answers how many were."""
        sealed, look = 0, Look(0, more=True)
        while look.more:
            look = self.look()
            sealed += look.sealed
        return sealed

    def _first(self, after: Id) -> Look:
        """A page of the whole log, which is looked through once before anything else."""
        if after == NOTHING:
            self._began = self._store.read(seals.oldest_writer)
        sealed, self._after = self._page(after)
        if self._after == NOTHING and sealed is not None:
            self._since = self._began
        return Look(sealed or 0, more=sealed is not None)

    def _recent(self, since: int, margin: int) -> Look:
        """Whoever was not to be seen last time was running then, or has begun since."""
        # Asked before the look's own snapshot: what ends between the two is seen by the look.
        began = self._store.read(seals.oldest_writer)
        resumed = self._resume
        begin = resumed or least_id(min(since, began) - margin)
        found = self._store.read(lambda tx: _tree_for(tx, seals.recent(tx, begin, self._batch)))
        if found.events and not self._append(found):
            return Look(0, more=False)  # another process seals; the next look begins here again
        count = len(found.events)
        if count == self._batch:
            # Behind a large import, all that was just sealed would be read again with each batch.
            self._resume = found.events[-1].id
            return Look(count, more=True)
        self._resume = None
        if resumed:
            return Look(count, more=True)  # from the beginning: somebody may have committed behind
        self._since = began
        return Look(count, more=False)

    def _page(self, after: Id) -> tuple[int | None, Id]:
        """Seal what has no place among the next events; how many, and where to go on.

        None says that another process seals: the same page is to be looked at again.
        """

        def look(tx: Reader) -> tuple[_Found, Id | None]:
            events, end = seals.page(tx, after, self._batch)
            return _tree_for(tx, events), end

        found, end = self._store.read(look)
        if found.events and not self._append(found):
            return None, after
        return len(found.events), end or NOTHING

    def _append(self, found: _Found) -> bool:
        full: list[Subtree] = []

        def keep(level: int, position: int, nodes: Sequence[Hash]) -> None:
            if level % TILE_LEVELS == 0:
                full.extend(Subtree(level, at, node) for at, node in enumerate(nodes, position))

        placed = [(event.id, leaf_hash(event.entry.encode())) for event in found.events]
        frontier = Frontier(found.size, found.peaks, keep)
        frontier.extend([leaf for _, leaf in placed])
        try:
            return self._store.write(lambda tx: seals.append(tx, found.size, placed, full))
        except UniqueViolation as violation:
            raise LogDamaged(f"a seal is there already ({violation.index})") from violation


def _tree_for(tx: Reader, events: Sequence[Unsealed]) -> _Found:
    """The tree as it is, if there is something to add to it."""
    if not events:
        return _Found((), 0, ())
    size = seals.size(tx)
    return _Found(events, size, merkle.peaks(size, StoredSubtrees(tx)))
