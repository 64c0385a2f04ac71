"""Reassign: a device goes to somebody else, who enrolls it anew (X33).

What the one before held on it ends, as in a reset. The device keeps its history for staff; events
and enrollments of the time before stay those of the one before, so the new owner sees none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import Device, GrantKind, Organization, User
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.store import device_moves, events, organizations
from enlist.store.tx import Reader, Tx
from enlist.verbs.afresh import Afresh, Ready, Seen, grant_of, handed_over, place_of
from enlist.verbs.consequences import bind, foresee, outdated, standing
from enlist.verbs.driver import Tools
from enlist.verbs.finding import beyond, device_named, organization_named, user_named
from enlist.verbs.issuing import LATER, Delivery, Issued, check_template
from enlist.verbs.register import NOT_HIS
from enlist.verbs.rights import lacks

REASSIGNED = "reassigned"
"""Why credentials and enrollments of the one before were revoked."""


def stays_with(device: Device, user: User) -> bool:
    """Whether a device stays in its organization as this user's, where nobody says otherwise."""
    return user.may_have_at(device.organization_path)


def place_for(
    tx: Reader, caller: Caller, device: Device, user: User, organization: str
) -> Organization | Refusal:
    """Where a device is once it is this user's: as named, else where it can be."""
    if organization:
        found = organization_named(tx, caller, organization)
    else:
        stays = stays_with(device, user)
        found = place_of(tx, device.organization_id if stays else user.enrolls_at)
    if isinstance(found, Refusal):
        return found
    refusal = lacks(caller, Permission.DEVICES_REASSIGN, found.path, device.subjects)
    if refusal is None and not user.may_have_at(found.path):
        refusal = invalid("organization", NOT_HIS)
    return refusal or found


@dataclass(frozen=True)
class Reassign(Afresh):
    """Give a device to another user.

    Attributes:
        user: id or user name of whoever gets it.
        organization: where the device is from now on; "" for where it is, if the user may enroll
            there, else for where his devices go.
        message, expires_at, grant, preview, version: as for `Reset`.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `precondition_failed`,
    `preview_outdated`, `conflict` where it is his already, and the delivery's.
    """

    device_id: str
    user: str
    organization: str = ""
    message: Delivery = LATER
    expires_at: int | None = None
    grant: GrantKind | None = None
    preview: str = ""
    version: int | None = None

    name = "reassign"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        device = device_named(tx, caller, self.device_id, Permission.DEVICES_REASSIGN)
        if isinstance(device, Refusal):
            return device
        if self.version not in (None, device.version):
            return Refusal("precondition_failed", about=device.subjects)
        user = user_named(tx, caller, self.user)
        if isinstance(user, Refusal):
            return user
        refusal = beyond(tx, caller, device.user_id, device.subjects)
        refusal = refusal or beyond(tx, caller, user.id, user.subjects)
        if refusal is None and user.id == device.user_id:
            detail = "The device is this user's already. Reset it if it must enroll again."
            refusal = Refusal("conflict", detail=detail, about=device.subjects)
        if refusal is not None:
            return refusal
        place = place_for(tx, caller, device, user, self.organization)
        if isinstance(place, Refusal):
            return place
        return self._foresee(tx, device, user, place)

    def _foresee(
        self, tx: Reader, device: Device, user: User, place: Organization
    ) -> Seen | Refusal:
        refusal = check_template(tx, self.message, place.path)
        if refusal is not None:
            return refusal
        about = (*standing(device), user.id, place.id)
        foreseen = bind("reassign", about, foresee(tx, device), tx.now)
        refusal = outdated(self.preview, foreseen, device.subjects)
        if refusal is not None:
            return refusal
        policy = organizations.policy(tx, place.path)
        return Seen(device, user, place, policy, grant_of(tx, device.id, self.grant), foreseen)

    def ended(self) -> tuple[str, str]:
        return REASSIGNED, REASSIGNED

    def goes_to(self, seen: Seen) -> str:
        return seen.organization.path

    def turn(self, tx: Tx, caller: Caller, ready: Ready) -> bool:
        seen = ready.seen
        assert seen.user is not None
        return device_moves.reassign(
            tx, seen.device.id, seen.device.version, seen.user.id, seen.organization.id
        )

    def close(
        self, tx: Tx, caller: Caller, ready: Ready, data: dict[str, str | int]
    ) -> Done[Issued]:
        """Two events: one of the time before, one that the new owner's time begins with."""
        device, user = ready.seen.device, ready.seen.user
        personal = {"device": device.name, "user": device.username}
        data |= {"from": device.user_id or "", "to": user.id if user else ""}
        events.record(tx, caller, Happening("device.reassigned", device.subjects, data, personal))
        return handed_over(tx, caller, ready, "enrollment.issued", {"reason": REASSIGNED})

    def clash(self, index: str) -> Refusal | None:
        if "external_id" in index:
            return invalid("organization", "another device there has the same external id")
        return None
