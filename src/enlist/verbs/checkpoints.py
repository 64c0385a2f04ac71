"""Checkpoints: what the log was at a moment, signed, and kept in more than one place.

Before anything new is signed, the log must still begin with what was signed last, as the database
has it and as the data folder has it. Else somebody rewrote it, or put an old copy in its place:
then nothing is signed that would bless this, and the log of the server says so every minute.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from enlist.core import checkpoints as form
from enlist.core import merkle
from enlist.core.checkpoints import Checkpoint, Restore
from enlist.core.clock import rfc3339
from enlist.core.ids import Id
from enlist.pki.notes import NotSigned, Signer, Verifier, open_note
from enlist.store import checkpoints, seals
from enlist.store.lanes import Store
from enlist.store.seals import LogDamaged, StoredSubtrees
from enlist.store.tx import Reader
from enlist.verbs.restored import Restores


class Kept(Protocol):
    """Where checkpoints are kept outside the database."""

    def notes(self) -> Iterator[str]:
        """Every note that is kept, oldest first."""
        ...

    def newest(self) -> str | None:
        """The note that was kept last."""
        ...

    def keep(self, note: str, made_at: int) -> None:
        """Add a note, unless it is the newest already."""
        ...


@dataclass(frozen=True, slots=True)
class SealedLog:
    """The log of an installation, and what vouches for it.

    Attributes:
        signers: keys of checkpoints, newest first; empty before the first start that makes one.
        kept: the checkpoints in the data folder.
    """

    store: Store
    installation_id: Id
    signers: Sequence[Signer]
    kept: Kept

    @property
    def origin(self) -> str:
        """The log's name."""
        return form.origin(self.installation_id)

    @property
    def verifiers(self) -> list[Verifier]:
        """The public keys of this log, newest first."""
        return [signer.verifier for signer in self.signers]

    def read_note(self, note: str) -> Checkpoint:
        """The checkpoint in a note.

        Raises:
            NotSigned: it is none of this log.
        """
        try:
            found = form.parse(open_note(note, self.verifiers))
        except ValueError as error:
            raise NotSigned(f"it is no checkpoint: {error}") from error
        if found.origin != self.origin:
            raise NotSigned(f"it is a checkpoint of another log, {found.origin}")
        return found

    def newest(self) -> tuple[str, Checkpoint] | None:
        """The newest checkpoint in the database: the note, and what it says.

        Raises:
            LogDamaged: it is not signed by a key of this log.
        """
        found = self.store.read(checkpoints.newest)
        return None if found is None else (found[1], self._read_stored(found[1]))

    def sign(self) -> Checkpoint | None:
        """Sign the log as it is, if it has grown, and keep that in both places.

        Answers what was signed; None where there was nothing new.

        Raises:
            LogDamaged: the log does not begin with what was signed before; nothing is signed.
            StoreUnavailable: nothing was signed.
        """
        last = self._newest_stored()
        return self._signed([*last, *self._newest_kept(last)], None)

    def sign_restored(self, restore: Restore) -> Checkpoint | None:
        """Sign the log as a restore left it, whatever the data folder says of the log of before.

        That the folder's checkpoints are of another past is thereby said once, and by who has the
        key: an event in the database would be believed to whoever owns the database.

        Raises:
            as `sign` does.
        """
        return self._signed(self._newest_stored(), restore)

    def epoch(self) -> int:
        """How often this installation was restored, as far as what was signed tells."""
        stored, kept = self.store.read(checkpoints.newest), self.kept.newest()
        notes = [note for note in self.kept.notes() if form.tells_of_restore(note)]
        notes += [] if stored is None else [stored[1]]
        notes += [] if kept is None else [kept]  # where no older month is kept
        found = 0
        for note in notes:
            with suppress(NotSigned):  # verifying says so
                found = max(found, self.read_note(note).epoch)
        return found

    def _signed(
        self, last: Sequence[tuple[str, Checkpoint]], restore: Restore | None
    ) -> Checkpoint | None:
        made = self._add(self.signers[0], last, restore)
        newest = self.store.read(checkpoints.newest)
        if newest is not None:
            self.kept.keep(newest[1], self._read_stored(newest[1]).made_at)
        return made

    def _add(
        self, signer: Signer, last: Sequence[tuple[str, Checkpoint]], restore: Restore | None
    ) -> Checkpoint | None:
        epoch = max((before.epoch for _, before in last), default=0)

        def look(tx: Reader) -> Checkpoint | None:
            size = seals.size(tx)
            subtrees = StoredSubtrees(tx)
            for place, before in last:
                _must_begin_with(before, place, size, subtrees)
            newest = checkpoints.newest(tx)
            if size == 0 or (newest and newest[0] == signer.key_id and self._covers(newest, size)):
                return None
            root = merkle.root(size, subtrees)
            return Checkpoint(self.origin, size, root, tx.now, restore, epoch)

        made = self.store.read(look)
        if made is None:
            return None
        note = signer.sign(made.body())
        added = self.store.write(
            lambda tx: checkpoints.add(tx, made.size, signer.key_id, note, made.made_at)
        )
        return made if added else None

    def _covers(self, newest: tuple[str, str], size: int) -> bool:
        return self._read_stored(newest[1]).size >= size

    def _newest_stored(self) -> list[tuple[str, Checkpoint]]:
        newest = self.store.read(checkpoints.newest)
        return [] if newest is None else [("the database", self._read_stored(newest[1]))]

    def _newest_kept(self, stored: list[tuple[str, Checkpoint]]) -> list[tuple[str, Checkpoint]]:
        """What the data folder has that the log must begin with, besides what is stored."""
        note = self.kept.newest()
        if note is None:
            return []
        kept = self._read_kept(note)
        if kept in (checkpoint for _, checkpoint in stored):
            return []
        # Somebody may have copied the old folder's checkpoints here after the restore.
        notes = filter(form.tells_of_restore, checkpoints.every(self.store))
        restores = Restores(map(self._read_stored, notes))
        if restores.explain(kept):
            # What explains must be of this log, or one from a rehearsal would do.
            return [("the database", signed) for signed in restores.signed]
        return [("the data folder", kept)]

    def _read_stored(self, note: str) -> Checkpoint:
        try:
            return self.read_note(note)
        except NotSigned as error:
            raise LogDamaged(f"the newest checkpoint in the database: {error}") from error

    def _read_kept(self, note: str) -> Checkpoint:
        try:
            return self.read_note(note)
        except NotSigned as error:
            raise LogDamaged(f"the newest checkpoint in the data folder: {error}") from error


def _must_begin_with(before: Checkpoint, place: str, size: int, subtrees: merkle.Subtrees) -> None:
    when = rfc3339(before.made_at)
    if before.size > size:
        raise LogDamaged(
            f"the log has {size} events, but {before.size} in the checkpoint of {when} in {place}"
        )
    if not hmac.compare_digest(merkle.root(before.size, subtrees), before.root):
        raise LogDamaged(
            f"the first {before.size} events are not those of the checkpoint of {when} in {place}"
        )
