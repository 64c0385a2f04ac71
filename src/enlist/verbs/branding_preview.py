"""How an organization would look after a change, before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from enlist.core.caller import Caller
from enlist.core.clock import HOUR
from enlist.core.outcomes import Refusal
from enlist.store import organizations
from enlist.store.tx import Reader
from enlist.verbs.branding import ChangeBranding, foreseen
from enlist.verbs.driver import Tools, View
from enlist.verbs.letters import Letter
from enlist.verbs.samples import sample_letter


@dataclass(frozen=True)
class PreviewBranding(View[Letter]):
    """A letter to somebody made up, as it would look; pages would show its branding too.

    It checks a change with the rules of `ChangeBranding` itself; nothing is kept. Refusals: those
    of `ChangeBranding`.
    """

    change: ChangeBranding
    tools: Tools

    def read(self, tx: Reader, caller: Caller) -> Letter | Refusal:
        place = self.change.look(self.tools, tx, caller)
        if isinstance(place, Refusal):
            return place
        wanted = self.change.work(self.tools, caller, place)
        if isinstance(wanted, Refusal):
            return wanted
        hours = organizations.policy(tx, place.path).token_expiration_hours
        letter = sample_letter(place, tx.now, tx.now + hours * HOUR)
        return replace(letter, branding=foreseen(tx, wanted))
