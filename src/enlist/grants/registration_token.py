"""The registration token (seed 000): sent to a user, names one enrollment of one device.

Single factor: the token is all that is needed. Two factors: token and the login of the very user
that the token was made for. Which of the two is decided by the setting in force when the token
is redeemed (ruling 27).
"""

from __future__ import annotations

from enlist.core.access import Proof
from enlist.core.judgement import judge
from enlist.core.model import Sighting
from enlist.core.outcomes import Refusal
from enlist.core.policy import EnrollmentPolicy, TokenType


def admit(sighting: Sighting, proof: Proof, policy: EnrollmentPolicy, now: int) -> Refusal | None:
    """May this token be used now, by whoever presents it?

    Refusals: `token_invalid`, `credentials_invalid` (told like a stranger, who learns nothing);
    `wrong_user` after a correct login; else what `judge` finds, told to the holder.
    """
    # An attempt remembers whoever signed in for it, which under one factor may be anybody.
    proved = sighting.attempt_user_id is not None and sighting.attempt_user_id == sighting.user_id
    if policy.token_type is TokenType.TWO_FACTOR and not proved:
        refusal = _second_factor(sighting, proof)
        if refusal is not None:
            return refusal
    return judge(sighting, now)


def _second_factor(sighting: Sighting, proof: Proof) -> Refusal | None:
    about = sighting.subjects
    if not proof.presented:
        return Refusal("token_invalid", reason="login missing", about=about)
    if proof.user_id is None:
        return Refusal("credentials_invalid", reason=proof.failure, about=about)
    if proof.user_id != sighting.user_id:
        return Refusal("wrong_user", about=about, holder=True, reason="another user's login")
    return None
