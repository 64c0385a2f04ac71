"""Noticing that the device listener shows another key than before (D37).

A client believes a JWT by the key that the listener shows. With another key every JWT that is out
is dead, though its enrollment lives on: downloaded or sent again, it is signed by the new one.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.store import events, listener_keys, organizations
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import Answered, Tools, Verb


@dataclass(frozen=True, slots=True)
class Shown:
    """The key that was shown last, and the one that is shown now."""

    before: str | None
    now: str = ""


@dataclass(frozen=True)
class NoteListenerKey(Verb[Shown, Shown, int]):
    """Note which key is shown; answers how many JWTs a change of it has made useless."""

    name = "note_listener_key"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Shown | Refusal:
        return Shown(listener_keys.newest(tx))

    def work(self, tools: Tools, caller: Caller, seen: Shown) -> Shown | Answered[int]:
        shown = tools.listener().key_id
        return Answered(Done(0)) if shown == seen.before else Shown(seen.before, shown)

    def apply(self, tx: Tx, caller: Caller, ready: Shown) -> Done[int]:
        if not listener_keys.note(tx, ready.now) or ready.before is None:
            return Done(0)
        out = listener_keys.jwts_out(tx)
        data: dict[str, str | int] = {"key": ready.now, "before": ready.before, "jwts": out}
        root = organizations.root(tx)
        about = Subjects(root.id if root else None)
        events.record(tx, caller, Happening("key.listener_changed", about, data))
        return Done(out)
