"""Somebody who owns the database: every guard taken away, any row written as he likes.

He knows how the log is made, so that he can also make it anew; what he has not is the signing
key, unless a test hands it to him, nor what was kept elsewhere.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass

from enlist.core.checkpoints import Checkpoint
from enlist.core.events import canonical
from enlist.core.merkle import Frontier, Hash, leaf_hash
from enlist.pki.notes import Signer
from enlist.verbs.sealing import Sealer
from enlist.verbs.verify_log import Verification, verify
from tests.installation import Enlist
from tests.store.raw import Raw

TABLES = ("event", "event_seal", "event_subtree", "checkpoint")


@dataclass
class Log:
    """A sealed log with a company in it, a checkpoint kept elsewhere, and its tamperer."""

    enlist: Enlist
    raw: Raw
    elsewhere: str = ""
    old_size: int = 0

    # --- what honest people do ------------------------------------------------------------

    def live(self, count: int = 1) -> None:
        """Let things happen, and seal them."""
        for _ in range(count):
            number = len(self.enlist.rows("device"))
            ticket = self.enlist.register(f"user{number}")
            self.enlist.redeem(ticket.token, key=number % 4)
        self.seal()

    def seal(self) -> int:
        """As a server that starts now."""
        return Sealer(self.enlist.store, batch=7).seal_all()

    def sign(self) -> str:
        """Sign the log as it is; answers the note."""
        assert self.enlist.installation.log.sign() is not None
        return self.note()

    def note(self) -> str:
        newest = self.enlist.installation.log.newest()
        assert newest is not None
        return newest[0]

    def verify(self, *given: str) -> Verification:
        """With the checkpoint that was kept elsewhere, and others if there are."""
        notes = [note for note in (self.elsewhere, *given) if note]
        return verify(self.enlist.installation.log, [("elsewhere", note) for note in notes])

    # --- what is there --------------------------------------------------------------------

    def order(self) -> list[str]:
        """The ids of events as they are sealed."""
        rows = self.raw.execute("SELECT event_id FROM event_seal ORDER BY seq")
        return [str(row[0]) for row in rows]

    def entry(self, event_id: str) -> str:
        ((entry,),) = self.raw.execute(f"SELECT entry FROM event WHERE id = '{event_id}'")
        return str(entry)

    def leaves(self) -> list[Hash]:
        rows = self.raw.execute("SELECT leaf FROM event_seal ORDER BY seq")
        return [bytes(row[0]) for row in rows]

    # --- what a tamperer does -------------------------------------------------------------

    def break_in(self) -> None:
        """Take every guard of the four tables away."""
        if self.enlist.store.dialect == "sqlite":
            for (name,) in self.raw.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
                self.raw.execute(f"DROP TRIGGER {name}")
            return
        for table in TABLES:
            self.raw.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")

    def forget_checkpoints(self) -> None:
        """Also those in the data folder: only what is kept elsewhere is left."""
        self.raw.execute("DELETE FROM checkpoint")
        shutil.rmtree(self.enlist.settings.data / "checkpoints", ignore_errors=True)

    def write_order(self, ids: list[str]) -> None:
        """Make the whole seal anew, with every hash right, over these events in this order."""
        self.raw.execute("DELETE FROM event_seal")
        self.raw.execute("DELETE FROM event_subtree")
        for seq, event_id in enumerate(ids):
            leaf = leaf_hash(self.entry(event_id).encode())
            self.write_seal(seq, event_id, leaf)

    def write_seal(self, seq: int, event_id: str, leaf: Hash) -> None:
        self.raw.execute(
            f"INSERT INTO event_seal (seq, event_id, leaf) VALUES ({seq}, '{event_id}', "
            f"{self.blob(leaf)})"
        )

    def change_entry(self, event_id: str) -> None:
        """One byte of it, so that it is still an entry."""
        entry = self.entry(event_id)
        at = entry.index('"id":"', entry.index('"at":')) + 6
        other = "1" if entry[at] == "0" else "0"
        self.write_entry(event_id, entry[:at] + other + entry[at + 1 :])

    def forge_entry(self, event_id: str) -> None:
        """Have an event say something else, as canonical as before."""
        entry = json.loads(self.entry(event_id))
        entry["data"]["forged"] = True
        self.write_entry(event_id, canonical(entry))

    def write_entry(self, event_id: str, entry: str) -> None:
        text = entry.replace("'", "''")
        self.raw.execute(f"UPDATE event SET entry = '{text}' WHERE id = '{event_id}'")

    def write_column(self, event_id: str, column: str, value: str) -> None:
        self.raw.execute(f"UPDATE event SET {column} = {value} WHERE id = '{event_id}'")

    def literal(self, value: object) -> str:
        """A value as SQL."""
        if isinstance(value, bytes):
            return self.blob(value)
        return "NULL" if value is None else "'{}'".format(str(value).replace("'", "''"))

    def change_leaf(self, event_id: str, leaf: Hash) -> None:
        self.raw.execute(
            f"UPDATE event_seal SET leaf = {self.blob(leaf)} WHERE event_id = '{event_id}'"
        )

    def delete(self, table: str, where: str) -> None:
        self.raw.execute(f"DELETE FROM {table} WHERE {where}")

    def copy_event(self, event_id: str, new_id: str) -> None:
        """A forged event, as like a real one as can be."""
        names = [name for name in self.enlist.rows("event")[0] if name not in ("id", "entry")]
        columns = ", ".join(names)
        entry = self.entry(event_id).replace(event_id, new_id).replace("'", "''")
        self.raw.execute(
            f"INSERT INTO event (id, entry, {columns}) "
            f"SELECT '{new_id}', '{entry}', {columns} FROM event WHERE id = '{event_id}'"
        )

    def signed_by(self, signer: Signer) -> str:
        """A checkpoint of the log as it is now, by whoever has a key."""
        leaves = self.leaves()
        tree = Frontier()
        for leaf in leaves:
            tree.push(leaf)
        name = self.enlist.installation.log.origin
        made = Checkpoint(name, len(leaves), tree.root(), self.enlist.clock.now)
        return signer.sign(made.body())

    def put_checkpoint(self, note: str, size: int) -> None:
        text = note.replace("'", "''")
        self.raw.execute(
            "INSERT INTO checkpoint (size, key_id, made_at, note) "
            f"VALUES ({size}, 'forged', {self.enlist.clock.now}, '{text}')"
        )

    def blob(self, value: bytes) -> str:
        prefix = "X'" if self.enlist.store.dialect == "sqlite" else "'\\x"
        return f"{prefix}{value.hex()}'"
