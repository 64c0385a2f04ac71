"""A secret that is shown again and again: its holder hears the same each time, the log does not.

Whoever holds a genuine secret guesses nothing, so he is told what became of it as often as he asks
(ruling 10). Each time would be another line of a log that nothing is ever taken out of, and a token
that is used stays one for ever. So of the same answer about the same enrollment, to the same
network, the first ones of a window are written down, and the others are counted only.
"""

from __future__ import annotations

from collections.abc import Sequence

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.outcomes import Refusal, Subjects
from enlist.store import events, limits
from enlist.store.tx import Tx


def worth_writing(tx: Tx, refusals: Sequence[tuple[Caller, Refusal]]) -> list[bool]:
    """Whether each of these, the first first, is to become an event; from now on it counts."""
    sources = [_source(caller, refusal.code, refusal.about) for caller, refusal in refusals]
    return limits.count_refusals(tx, sources)


def record(tx: Tx, caller: Caller, happening: Happening) -> None:
    """Write down that the same answer was given once more, unless that was done often enough."""
    (first,) = limits.count_refusals(tx, [_source(caller, happening.kind, happening.about)])
    if first:
        events.record(tx, caller, happening)


def _source(caller: Caller, what: str, about: Subjects) -> str:
    """What is counted; "" where nobody can do it again and again for nothing: always written."""
    whose = about.enrollment_id or about.user_id
    return f"told:{what}:{whose}:{caller.source}" if whose else ""
