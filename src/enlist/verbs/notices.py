"""Notices: a user hears by e-mail what became of his devices and his account (D25, S57).

Only where his organization says so (`notify_users`); but that messages for somebody who enrolled
with a token go elsewhere is always told at the old address, and so is what becomes of a second
factor. Whoever enrolls a device with another's
token, or turns his messages to another address, is found out by the one who knows that it was not
he. A notice holds no secret and no link that does anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from enlist.core.ids import new_id
from enlist.core.model import User
from enlist.core.outcomes import Subjects
from enlist.core.policy import EnrollmentPolicy
from enlist.store.notices import Notice
from enlist.store.redemptions import Redemption
from enlist.verbs.driver import Tools

DEVICE_ENROLLED: Final = "device_enrolled"
DEVICE_RESET: Final = "device_reset"
TOKEN_REISSUED: Final = "token_reissued"
ADDRESS_CHANGED: Final = "address_changed"
SECOND_FACTOR_SET_UP: Final = "second_factor_set_up"
SECOND_FACTOR_REMOVED: Final = "second_factor_removed"
RECOVERY_CODE_USED: Final = "recovery_code_used"

PURPOSES: Final = frozenset(
    {
        DEVICE_ENROLLED,
        DEVICE_RESET,
        TOKEN_REISSUED,
        ADDRESS_CHANGED,
        SECOND_FACTOR_SET_UP,
        SECOND_FACTOR_REMOVED,
        RECOVERY_CODE_USED,
    }
)
"""Of the messages that are notices."""

BY_EVENT: Final[Mapping[str, str]] = {
    "device.reset": DEVICE_RESET,
    "enrollment.reissued": TOKEN_REISSUED,
}
"""Which notice follows from an event by which a new token is handed over."""


def wanted(tools: Tools, policy: EnrollmentPolicy | None) -> bool:
    """Whether notices are sent in an organization with this policy, and can be."""
    return policy is not None and policy.notify_users and "email" in tools.channels


def about_enrolling(tools: Tools, policy: EnrollmentPolicy | None, claim: Redemption) -> Redemption:
    """A claim with the notice that follows if it is won."""
    if not wanted(tools, policy):
        return claim
    domain = tools.addresses.mail_domain
    notice = make(DEVICE_ENROLLED, claim.happening.about, claim.generation, domain, tools.clock())
    return replace(claim, notice=notice)


def about_address(tools: Tools, before: User, after: User) -> Notice | None:
    """For the address that a user had, where he has another one now, or none."""
    if before.email in ("", after.email) or "email" not in tools.channels:
        return None
    domain, now = tools.addresses.mail_domain, tools.clock()
    notice = make(ADDRESS_CHANGED, before.subjects, 0, domain, now)
    return notice and replace(notice, recipient=before.email)


def make(
    purpose: str, about: Subjects, generation: int, sender_domain: str, now: int
) -> Notice | None:
    """A notice about these; None where they belong to nobody."""
    if about.organization_id is None or about.user_id is None:
        return None
    message_id = new_id(now)
    return Notice(
        id=message_id,
        organization_id=about.organization_id,
        user_id=about.user_id,
        purpose=purpose,
        message_id=f"<{message_id}@{sender_domain}>",
        enrollment_id=about.enrollment_id,
        generation=generation,
    )
