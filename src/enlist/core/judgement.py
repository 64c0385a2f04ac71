"""What is wrong with an enrollment, told to somebody who holds its secret.

One function decides it for every grant, before anything is signed and again when a claim was
lost. The order matters: whoever holds an old token hears that a newer one was sent, even if the
newer one was used meanwhile.
"""

from __future__ import annotations

from enlist.core.lifecycle import SUPERSEDED, AttemptState, DeviceState, EnrollmentState
from enlist.core.model import GrantKind, Sighting
from enlist.core.outcomes import Refusal


def judge(sighting: Sighting, now: int) -> Refusal | None:
    """None for an enrollment that may be redeemed now, else the reason, for its holder."""
    refusal = _secret(sighting, now) or _around(sighting, now)
    if refusal is None:
        return None
    return Refusal(
        refusal.code,
        at=refusal.at,
        reason=refusal.reason or refusal.code,
        about=sighting.subjects,
        holder=True,
    )


def _secret(sighting: Sighting, now: int) -> Refusal | None:
    """The life of the enrollment and of the generation that was presented."""
    if sighting.presented_generation < sighting.generation:
        return Refusal("token_replaced", at=sighting.replaced_at)
    if sighting.state is EnrollmentState.REVOKED and sighting.end_reason == SUPERSEDED:
        return Refusal("token_replaced", at=sighting.ended_at, reason="the device was reset")
    if sighting.state is EnrollmentState.REVOKED:
        return Refusal("token_revoked", at=sighting.ended_at, reason=sighting.end_reason)
    if sighting.state is EnrollmentState.USED:
        code = "token_used" if sighting.max_uses == 1 else "token_exhausted"
        return Refusal(code, at=sighting.used_at)
    if sighting.expires_at <= now:
        by_passcode = sighting.grant is GrantKind.PASSCODE
        code = "credentials_expired" if by_passcode else "token_expired"
        return Refusal(code, at=sighting.expires_at)
    if sighting.state is EnrollmentState.ON_HOLD:
        return Refusal("token_on_hold", reason="on hold since a restore or a change of keys")
    if sighting.not_before > now:
        return Refusal("token_invalid", at=sighting.not_before, reason="not valid yet")
    return None


def _around(sighting: Sighting, now: int) -> Refusal | None:
    """The person, the device and the attempt."""
    if not sighting.user_active:
        return Refusal("user_not_allowed", reason="the user is disabled")
    if sighting.device_state not in (None, DeviceState.REGISTERED):
        return Refusal("token_used", reason=f"the device is {sighting.device_state}")
    if sighting.attempt_state is AttemptState.OPEN and sighting.attempt_expires_at <= now:
        return Refusal("attempt_over", at=sighting.attempt_expires_at)
    if sighting.attempt_state not in (None, AttemptState.OPEN):
        return Refusal("attempt_over", reason=f"the attempt is {sighting.attempt_state}")
    return None
