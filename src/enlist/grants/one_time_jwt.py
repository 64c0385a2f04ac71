"""The one-time JWT (seed 003): whoever brings its `jti` first enrolls its device.

It is a bearer secret of 122 bits, so nothing is asked beside it, whatever the organization's
settings say of registration tokens.
"""

from __future__ import annotations

from enlist.core.access import Proof
from enlist.core.judgement import judge
from enlist.core.model import Sighting
from enlist.core.outcomes import Refusal
from enlist.core.policy import EnrollmentPolicy


def admit(sighting: Sighting, _proof: Proof, _policy: EnrollmentPolicy, now: int) -> Refusal | None:
    """May this `jti` be used now, by whoever presents it?

    Refusals: what `judge` finds, told to the holder.
    """
    return judge(sighting, now)
