"""A plain sign-in: Group ID, user name and password, and no token at all (ruling 21).

Under `open` anybody with an account may enroll a device that nobody registered. Under
`registered_only` a registered device of his is the one (`core.matching`), or one on the allow list;
where tokens are required this way is closed.
"""

from __future__ import annotations

from enlist.core.access import Proof
from enlist.core.model import Organization
from enlist.core.outcomes import Refusal, Subjects
from enlist.core.policy import EnrollmentMode, EnrollmentPolicy


def admit(
    organization: Organization | None,
    user_path: str,
    proof: Proof,
    policy: EnrollmentPolicy,
    *,
    known: bool,
    authorized: bool = True,
) -> Refusal | None:
    """May this user enroll a device here by signing in?

    Args:
        organization: the one whose Group ID was given; None for an unknown Group ID.
        user_path: path of the organization that the user belongs to, "" for nobody.
        known: a device is registered for him, or the one that comes is on an allow list.
        authorized: he may enroll there, as far as his organization goes (A49).

    Refusals: `credentials_invalid` for a wrong Group ID and a wrong login alike (A11);
    `user_not_allowed`, `token_required`, `device_not_registered` after a correct login.
    """
    about = Subjects(organization.id if organization else None, proof.user_id)
    if organization is None:
        return Refusal("credentials_invalid", reason="unknown Group ID", about=about)
    if proof.user_id is None:
        return Refusal("credentials_invalid", reason=proof.failure, about=about)
    if not organization.path.startswith(user_path):
        return Refusal("credentials_invalid", reason="another organization's user", about=about)
    if not authorized:
        reason = "not authorized for this organization"
        return Refusal("user_not_allowed", reason=reason, about=about, holder=True)
    if policy.require_token:
        return Refusal("token_required", about=about, holder=True)
    if policy.mode is EnrollmentMode.REGISTERED_ONLY and not known:
        return Refusal("device_not_registered", about=about, holder=True)
    return None
