"""Delivery reports: an SMS gateway tells what became of a message that it took.

Each message has an address of its own to be reported to (`report_keys`), which was checked before.
A message that is known to have arrived stays so, whatever is reported of it later.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.model import Message
from enlist.core.outcomes import Done, Refusal
from enlist.store import events, outbox
from enlist.store.tx import Reader, Tx
from enlist.verbs.deliver import happening
from enlist.verbs.driver import QuickVerb, Tools


@dataclass(frozen=True)
class RecordReport(QuickVerb[Message | None, bool]):
    """Write down what a gateway reports of a message; answers whether that was news.

    The key of its address was checked before. It refuses nobody: gateways repeat what is refused.

    Attributes:
        delivered: whether it arrived; else it did not, and will not.
        reason: why not, in the gateway's words.
    """

    message_id: Id
    delivered: bool
    reason: str = ""

    name = "record_report"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Message | Refusal | None:
        return outbox.find(tx, self.message_id)

    def apply(self, tx: Tx, caller: Caller, ready: Message | None) -> Done[bool] | Refusal:
        if ready is None:
            return Done(False)
        if self.delivered:
            news = outbox.delivered(tx, ready.id)
        else:
            news = outbox.undelivered(tx, ready.id, self.reason)
        if news:
            kind = "message.delivered" if self.delivered else "message.failed"
            events.record(tx, caller, happening(tx, kind, ready, self.reason))
        return Done(news)
