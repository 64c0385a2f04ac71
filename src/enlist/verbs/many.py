"""Many: before one act is done to many things one by one, whether it may be done at all.

What is done to each asks for its own rights again. This keeps somebody who may do it nowhere from
being told so a thousand times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store.tx import Reader
from enlist.verbs.driver import View
from enlist.verbs.views import scope

MOST_AT_ONCE: Final = 1_000
"""Things of one request."""


@dataclass(frozen=True)
class MayAnywhere(View[None]):
    """Refusals: `forbidden` for whoever holds the permission nowhere."""

    permission: Permission

    def read(self, tx: Reader, caller: Caller) -> Refusal | None:
        found = scope(tx, caller, "", self.permission)
        return found if isinstance(found, Refusal) else None
