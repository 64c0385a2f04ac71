"""A certificate that comes back after it was renewed: two machines hold the keys of one device.

A device that has renewed its certificate has no use for the old one and never shows it again. So
whoever does has a copy of the key, be it a thief or a machine that was restored from a backup;
or he renewed it himself, and it is the device that comes with the old one (X50). Which of the two
cannot be told from here; that there are two is what somebody must know.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from enlist.core.model import Credential
from enlist.core.outcomes import Refusal

POSSIBLE_CLONE: Final = "possible_clone"
"""The flag of the refusal."""
_RENEWED: Final = "renewed"


def clone_alarm(refusal: Refusal, shown: Credential) -> Refusal:
    """The refusal of a certificate, flagged where it was renewed before it was shown again."""
    if shown.revocation_reason != _RENEWED:
        return refusal
    data = {"flag": POSSIBLE_CLONE, "serial": shown.serial}
    return replace(refusal, data={**refusal.data, **data})
