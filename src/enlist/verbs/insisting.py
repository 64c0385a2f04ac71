"""Who asks for the same again and again hears the same each time; the log does not.

Whoever holds a genuine secret guesses nothing, so he is told what became of it as often as he asks
(ruling 10); and whoever has signed in is told as often that he may not, or that there is nothing.
Each time would be another line of a log that nothing is ever taken out of, and a token that is used
stays one for ever. So the first ones of a window are written down, and the others counted only:

- of the same answer about the same enrollment, to its holder in the same network;
- of the same answer by the same verb to the same person or API key, about the same thing. Where he
  may not do it or finds nothing, the thing does not matter: he could name another each time.
"""

from __future__ import annotations

from typing import Final

from enlist.core.caller import Caller, CallerKind
from enlist.core.events import Happening
from enlist.core.outcomes import Refusal, Subjects
from enlist.store import events, limits
from enlist.store.tx import Tx

_SIGNED_IN: Final = (CallerKind.USER, CallerKind.API_KEY)
_PROBED: Final = frozenset({"forbidden", "not_found"})


def holders(caller: Caller, refusal: Refusal) -> str:
    """What a refusal of a genuine secret is counted by; "" where it is always written down."""
    return _told(caller, refusal.code, refusal.about)


def signed_in(caller: Caller, refusal: Refusal, verb: str) -> str:
    """What a refusal of staff, of a user or of an API key is counted by; "" for all others."""
    if caller.kind not in _SIGNED_IN:
        return ""
    about = refusal.about
    thing = about.device_id or about.enrollment_id or about.user_id or about.organization_id
    named = "" if refusal.code in _PROBED else thing or ""
    return f"{limits.TOLD}{refusal.code}:{caller.id}:{verb}:{named}"


def record(tx: Tx, caller: Caller, happening: Happening) -> None:
    """Write down that the same answer was given once more, unless that was done often enough."""
    (first,) = limits.count_refusals(tx, [_told(caller, happening.kind, happening.about)])
    if first:
        events.record(tx, caller, happening)


def _told(caller: Caller, what: str, about: Subjects) -> str:
    """What is counted; "" where nobody can do it again and again for nothing: always written."""
    whose = about.enrollment_id or about.user_id
    return f"{limits.TOLD}{what}:{whose}:{caller.source}" if whose else ""
