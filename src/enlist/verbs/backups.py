"""What a backup and a restore leave in the database: events, and everything on hold (S26)."""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.store import events, holds, organizations
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.rights import host_alone, missing


@dataclass(frozen=True, slots=True)
class Held:
    """What a restore stopped.

    Attributes:
        epoch: how often this installation was restored, this time included.
        enrollments: how many are on hold.
        sign_ins: how many were ended.
    """

    epoch: int
    enrollments: int
    sign_ins: int


@dataclass(frozen=True)
class RecordBackup(QuickVerb[Organization, None]):
    """Write down that a backup of database and keys was made.

    Attributes:
        name: the folder's, without where it is.
        keys: ids of the keys in it, so that others are known to be in none.
    """

    backup: str
    keys: tuple[str, ...]

    name = "record_backup"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return host_alone(caller) or organizations.root(tx) or missing("organization")

    def apply(self, tx: Tx, caller: Caller, ready: Organization) -> Done[None] | Refusal:
        data = {"backup": self.backup, "keys": " ".join(self.keys)}
        happening = Happening("installation.backed_up", Subjects(ready.id), data)
        events.record(tx, caller, happening)
        return Done(None)


@dataclass(frozen=True)
class HoldAfterRestore(QuickVerb[Organization, Held]):
    """Stop whatever a database that is older than the world would wrongly let through.

    A token that was used after the backup is active again in it, a sign-in that was ended is
    open again. All that was active waits for somebody to look; all sign-ins, half-finished
    attempts and one-time links end (ruling 35).

    Attributes:
        made_at: when the backup was made, RFC 3339.
        epoch: how often it was restored already, as far as others than the backup know.
    """

    made_at: str
    epoch: int = 0

    name = "hold_after_restore"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return host_alone(caller) or organizations.root(tx) or missing("organization")

    def apply(self, tx: Tx, caller: Caller, ready: Organization) -> Done[Held] | Refusal:
        epoch = max(holds.restores(tx), self.epoch) + 1
        held = Held(epoch, holds.hold_all(tx), holds.end_what_people_hold(tx))
        data: dict[str, str | int | bool | None] = {
            "made_at": self.made_at,
            "epoch": held.epoch,
            "held": held.enrollments,
            "sign_ins_ended": held.sign_ins,
        }
        happening = Happening("installation.restored", Subjects(ready.id), data)
        events.record(tx, caller, happening)
        return Done(held)
