"""Restores that the log's own key vouches for, and what is missing because of them.

A log that goes on from a backup has lost what came after it, and checkpoints of the time between
say so. That is what a rollback looks like, too. The difference is a signature: `enlist restore`
signs how much it kept. Nothing in the database counts as that, or whoever owns it could explain
his own rollback. Nor does a moment: what was before and what after is said by the epoch in each
checkpoint, as a clock that was wrong at the restore would explain what is yet to come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from enlist.core.checkpoints import Checkpoint


@dataclass
class Restored:
    """A restore, and what checkpoints from before it say that it lost.

    Attributes:
        epoch: how often this installation was restored, this time included.
        restored_at: microseconds UTC, by the clock of then; only shown.
        kept: how many events of the log of before are in this one.
        before: how many there were, by the longest log that a checkpoint tells of; 0 where none
            tells of more than was kept.
        checkpoints: how many tell of more.
    """

    epoch: int
    restored_at: int
    kept: int
    before: int = 0
    checkpoints: int = 0


def _newest_first(signed: Checkpoint) -> tuple[int, int]:
    return -signed.epoch, 0 if signed.restore is None else -signed.restore.kept


class Restores:
    """The restores on the way to the present log, oldest first.

    Args:
        signed: checkpoints that say of a restore, in any order, also twice.

    Attributes:
        found: these restores.
        signed: the checkpoints that say so; the log must go through them.
    """

    def __init__(self, signed: Iterable[Checkpoint]) -> None:
        self.found: list[Restored] = []
        self.signed: list[Checkpoint] = []
        shortest: int | None = None
        # Of two with one epoch, which two restores of one backup are, the one that kept more
        # explains less.
        for each in sorted(set(signed), key=_newest_first):
            # What a later restore did not keep is no part of this log, nor is what it explains.
            if each.restore is None or (shortest is not None and each.size > shortest):
                continue
            shortest = each.restore.kept
            restored = Restored(each.restore.epoch, each.made_at, each.restore.kept)
            self.found.insert(0, restored)
            self.signed.insert(0, each)

    def explain(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint is of more than was kept by a restore of a later epoch."""
        for each in self.found:
            if checkpoint.epoch < each.epoch and checkpoint.size > each.kept:
                each.before = max(each.before, checkpoint.size)
                each.checkpoints += 1
                return True
        return False
