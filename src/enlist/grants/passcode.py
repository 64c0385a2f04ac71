"""One-time credentials (seed 001): got by the company passcode, or issued by staff for a user.

The message brings a link and, to be typed, a user name and a password. Either is enough, whatever
the organization's settings say of registration tokens: to get them somebody has shown the passcode
and reads the mailbox of a known user. That the pair was right is decided before, by the statement
that counts the tries (`enlist.store.one_time_logins`).
"""

from __future__ import annotations

from enlist.core.access import Proof
from enlist.core.judgement import judge
from enlist.core.model import Sighting
from enlist.core.outcomes import Refusal
from enlist.core.policy import EnrollmentPolicy


def admit(sighting: Sighting, _proof: Proof, _policy: EnrollmentPolicy, now: int) -> Refusal | None:
    """May these credentials be used now, by whoever presents them?

    Refusals: what `judge` finds, told to the holder; `credentials_expired` among it.
    """
    return judge(sighting, now)
