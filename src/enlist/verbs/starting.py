"""A server starts: told in the audit log, where a restart explains what was cut short."""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.store import events, organizations
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.rights import missing


@dataclass(frozen=True)
class RecordStart(QuickVerb[Organization, None]):
    """Write down that a server starts, in which version, and who at the machine started it."""

    version: str

    name = "record_start"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return organizations.root(tx) or missing("organization")

    def apply(self, tx: Tx, caller: Caller, ready: Organization) -> Done[None] | Refusal:
        about, data = Subjects(ready.id), {"version": self.version}
        events.record(tx, caller, Happening("installation.started", about, data))
        return Done(None)
