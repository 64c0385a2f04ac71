"""Which acts fit a device or an enrollment as it stands: one answer for every page and every list.

What fits is what the verb accepts, as `core.lifecycle` has it; a test asks every verb in every
state. Less is offered only as seed 003 has it: *delete* is final, so it is for a token that still
works (D16); a device is reset or replaced where there is something to end; and its page keeps to
what fits its place in life (D01). Who may do it is another question: `permitted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from enlist.core.lifecycle import DeviceState, EnrollmentState, ShownState, triggers
from enlist.core.model import Enrollment, GrantKind, Staging
from enlist.core.permissions import Permission
from enlist.verbs.cards import PRINTABLE
from enlist.verbs.views_details import DeviceDetail
from enlist.web.console.layout import Desk

NEEDS: Final[Mapping[str, Permission]] = {
    "reset": Permission.DEVICES_RESET,
    "reassign": Permission.DEVICES_REASSIGN,
    "hand_out": Permission.DEVICES_REASSIGN,
    "replace": Permission.DEVICES_REPLACE,
    "issue": Permission.ENROLLMENTS_ISSUE,
    "resend": Permission.ENROLLMENTS_RESEND,
    "download": Permission.ENROLLMENTS_DOWNLOAD,
    "print": Permission.ENROLLMENTS_DOWNLOAD,
    "reactivate": Permission.ENROLLMENTS_REISSUE,
    "reissue": Permission.ENROLLMENTS_REISSUE,
    "revoke": Permission.ENROLLMENTS_REVOKE,
    "delete": Permission.ENROLLMENTS_DELETE,
    "move": Permission.DEVICES_EDIT,
    "own": Permission.DEVICES_EDIT,
    "credentials": Permission.ENROLLMENTS_ISSUE,
}
"""Every act, and the permission that it takes."""

_MOVES: Final = frozenset({"reactivate", "reissue", "revoke", "delete"})
_SELDOM: Final[Mapping[str, frozenset[str]]] = {
    "active": frozenset({"reissue", "revoke"}),
    "expired": frozenset({"revoke"}),
}
"""What the page of a device leaves to the page of its JWT's enrollment."""


def of_enrollment(grant: GrantKind, state: ShownState) -> frozenset[str]:
    """What can be done with an enrollment."""
    acts = triggers(state) & _MOVES
    if state != "active":
        return acts - {"delete"}
    return acts | ({"resend", "download"} if grant is GrantKind.ONE_TIME_JWT else {"resend"})


def on_paper(found: Enrollment, state: ShownState) -> frozenset[str]:
    """Whether a card can be printed of it; in the list, where many are ticked."""
    prints = state == "active" and found.grant in PRINTABLE and found.device_id is not None
    return frozenset({"print"} if prints else ())


def beside_device(grant: GrantKind, state: ShownState) -> frozenset[str]:
    """What the page of its device offers of it."""
    acts = of_enrollment(grant, state)
    return acts - _SELDOM.get(state, frozenset()) if grant is GrantKind.ONE_TIME_JWT else acts


def of_its_device(found: Enrollment) -> frozenset[str]:
    """What can be done with the device of an enrollment, from the list of enrollments (A43)."""
    if found.device_id is None:
        return frozenset()
    moves = found.device_state == DeviceState.REGISTERED
    return frozenset({"move", "own"} if moves else {"own"})


def of_device(detail: DeviceDetail) -> frozenset[str]:
    """What can be done with a device itself.

    One whose enrollment was deleted gets no other in the console (D17); one that waits with a
    token, or has let it run out, gets the next one by *reissue*.
    """
    state = detail.device.state
    acts: set[str] = set()
    holds = any(credential.revoked_at is None for credential in detail.credentials)
    if holds or state in (DeviceState.ENROLLED, DeviceState.UNENROLLED):
        acts.add("reset")
    if holds or state is DeviceState.ENROLLED:
        acts.add("replace")
    if detail.deleted_at is None:
        acts.add("reassign")
    if state is DeviceState.ENROLLED and detail.staging is not Staging.DISABLED:
        acts.add("hand_out")
    newest = detail.enrollments[0].state if detail.enrollments else EnrollmentState.REVOKED
    waits = newest in (EnrollmentState.ACTIVE, EnrollmentState.ON_HOLD)
    if state is DeviceState.REGISTERED and detail.deleted_at is None and not waits:
        acts.add("issue")
    return frozenset(acts)


def permitted(desk: Desk, acts: Iterable[str], path: str) -> frozenset[str]:
    """Those of the acts that this person may do at an organization."""
    return frozenset(act for act in acts if desk.may(NEEDS[act], path))
