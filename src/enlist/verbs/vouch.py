"""What a gateway asks at every request: is the device behind this certificate still wanted?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.store.tx import Reader
from enlist.verbs.device_status import DeviceStatus, Standing
from enlist.verbs.driver import Tools


@dataclass(frozen=True)
class Vouch(DeviceStatus):
    """Say how a device stands to a gateway that saw it prove its certificate.

    Attributes:
        again: the same certificate was refused a moment ago: counted, and no further event. A page
            makes its browser ask dozens of times.

    Refusals: those of `DeviceStatus`.
    """

    again: bool = False

    name = "vouch"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Standing | Refusal:
        found = super().look(tools, tx, caller)
        if isinstance(found, Refusal) and self.again:
            return replace(found, counted_only=True)
        return found
