"""A certificate that is refused again and again is written down once a minute.

A device that was reset may go on knocking for ever, and some clients do so every second. Each time
would be another line of a log that nothing is ever taken out of. From elsewhere, or for another
reason, it is another line: that is how a copied key is seen.
"""

from __future__ import annotations

from dataclasses import replace

from enlist.core.caller import Caller
from enlist.core.clock import MINUTE
from enlist.core.outcomes import Refusal
from enlist.store import limits
from enlist.store.tx import Reader, Tx


class Knocks:
    """A verb by which a device shows its certificate. `serial` is the certificate's."""

    serial: str

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None:
        return written_down(tx, caller, self.serial, refusal)


def once_a_minute(tx: Reader, caller: Caller, serial: str, refusal: Refusal) -> Refusal:
    """The refusal of a certificate; only counted where it was written down within the minute."""
    wait = limits.used_up(tx, _source(caller, serial, refusal), most=1)
    return refusal if wait is None else _counted(refusal)


def written_down(tx: Tx, caller: Caller, serial: str, refusal: Refusal) -> Refusal:
    """It becomes an event now: the next within the minute will not.

    Only counted itself where another one was first: of many that knocked at once, each of which saw
    that nothing was written down, one is an event.
    """
    first = limits.count(tx, _source(caller, serial, refusal), most=1, window=MINUTE)
    return refusal if first else _counted(refusal)


def _counted(refusal: Refusal) -> Refusal:
    return replace(refusal, counted_only=True)


def _source(caller: Caller, serial: str, refusal: Refusal) -> str:
    return f"{limits.REFUSED}{refusal.code}:{serial}:{caller.source}"
