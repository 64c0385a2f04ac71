"""The sealed log, to be believed by others: checkpoints, and proofs that go with them.

Whoever may read events anywhere may read these. They hold hashes and how many events there are,
nothing of what the events say; an event is proved to whoever may see it.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core import checkpoints as form
from enlist.core import merkle
from enlist.core.caller import Caller
from enlist.core.checkpoints import Checkpoint
from enlist.core.merkle import Hash
from enlist.core.model import EventRow
from enlist.core.outcomes import Refusal, invalid
from enlist.core.permissions import Permission
from enlist.store import checkpoints, seals
from enlist.store.seals import StoredSubtrees
from enlist.store.tx import Reader
from enlist.verbs.driver import View
from enlist.verbs.rights import missing
from enlist.verbs.views import topmost
from enlist.verbs.views_details import ShowEvent


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint, and the note that says it with its signature."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """That an event is in the log (RFC 9162 section 2.1.3).

    Attributes:
        index: its place; None while no checkpoint covers it.
        proof: what with the hash of the entry makes the root of the checkpoint.
    """

    event: EventRow
    index: int | None
    proof: tuple[Hash, ...]
    signed: SignedCheckpoint | None


@dataclass(frozen=True, slots=True)
class Growth:
    """That the log begins with what it was once (RFC 9162 section 2.1.4)."""

    since: int
    proof: tuple[Hash, ...]
    signed: SignedCheckpoint


@dataclass(frozen=True)
class ShowCheckpoint(View[SignedCheckpoint]):
    """The newest checkpoint. Refusals: `not_found` before the first, `forbidden`."""

    def read(self, tx: Reader, caller: Caller) -> SignedCheckpoint | Refusal:
        if not topmost(caller, Permission.EVENTS_READ):
            return Refusal("forbidden", reason=f"lacks {Permission.EVENTS_READ}")
        return _newest(tx) or missing("checkpoint")


@dataclass(frozen=True)
class ProveEvent(View[Receipt]):
    """Refusals: `not_found`, `forbidden`."""

    event_id: str

    def read(self, tx: Reader, caller: Caller) -> Receipt | Refusal:
        event = ShowEvent(self.event_id).read(tx, caller)
        if isinstance(event, Refusal):
            return event
        index, signed = seals.number(tx, event.id), _newest(tx)
        if index is None or signed is None or index >= signed.checkpoint.size:
            return Receipt(event, None, (), signed)
        proof = merkle.inclusion_proof(index, signed.checkpoint.size, StoredSubtrees(tx))
        return Receipt(event, index, tuple(proof), signed)


@dataclass(frozen=True)
class ProveGrowth(View[Growth]):
    """Refusals: `validation_failed` for a size that the log never had, and as `ShowCheckpoint`.

    Args:
        since: how many events the log had in the older checkpoint.
    """

    since: int

    def read(self, tx: Reader, caller: Caller) -> Growth | Refusal:
        signed = ShowCheckpoint().read(tx, caller)
        if isinstance(signed, Refusal):
            return signed
        size = signed.checkpoint.size
        if not 0 < self.since <= size:
            return invalid("since", f"must be from 1 to {size}")
        proof = merkle.consistency_proof(self.since, size, StoredSubtrees(tx))
        return Growth(self.since, tuple(proof), signed)


def _newest(tx: Reader) -> SignedCheckpoint | None:
    found = checkpoints.newest(tx)
    if found is None:
        return None
    note = found[1]
    return SignedCheckpoint(form.parse(note.partition("\n\n")[0] + "\n"), note)
