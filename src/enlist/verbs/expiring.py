"""Expiring: the log is told of each token that runs out unused, once (A75).

Nothing about the enrollment changes: a token valid until T never worked at T, whether or not the
log knows. After a reissue it may run out again, which is told again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.outcomes import Done, Refusal
from enlist.store import events, expiries
from enlist.store.expiries import Expired
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import Answered, Tools, Verb

_AT_ONCE: Final = 200


@dataclass(frozen=True)
class TellExpired(Verb[bool, None, bool]):
    """Tell the log of what ran out since; True where there may be more."""

    name = "tell_expired"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> bool | Refusal:
        return expiries.due(tx)

    def work(self, tools: Tools, caller: Caller, seen: bool) -> Answered[bool] | Refusal | None:
        return None if seen else Answered(Done(False))

    def apply(self, tx: Tx, caller: Caller, ready: None) -> Done[bool] | Refusal:
        found = expiries.further(tx, _AT_ONCE)
        if found:
            events.record_each(tx, [(caller, _ran_out(each)) for each in found])
        return Done(len(found) == _AT_ONCE)


def _ran_out(each: Expired) -> Happening:
    data = {"generation": each.generation, "expires_at": each.expires_at}
    personal = {"device": each.device_name, "user": each.username}
    return Happening("enrollment.expired", each.about, data, personal)
