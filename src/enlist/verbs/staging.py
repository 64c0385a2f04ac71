"""Staging: somebody enrolls devices for others, who get them as they are (A63, A64).

What a staging user has enrolled is handed out: it is somebody else's from then on, and keeps its
certificate and its sessions, so that nobody enrolls it again. His type says how: for good, or from
one to the next and back to him. With the standard type alone the next one proves himself first,
which is `Reassign`: it ends what the device holds, and he enrolls it with a token of his own.

Whoever is handed a device enrolls nothing, so he is not asked for terms of use or answers; the
event names terms that he has not accepted. What restricts him and the organization counts as if he
enrolled it now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Organization, User, UserState
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.core.policy import EnrollmentPolicy
from enlist.core.terms import TermsRef
from enlist.store import allowances, device_moves, devices, events, organizations, users
from enlist.store.allowances import Allowance
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import agreeing, restricting
from enlist.verbs.agreeing import Comer
from enlist.verbs.driver import QuickVerb, Tools
from enlist.verbs.editing import edited_since
from enlist.verbs.finding import beyond, device_named, user_named
from enlist.verbs.naming import discreetly
from enlist.verbs.reassign import place_for
from enlist.verbs.restricting import Coming, Standing


def stager_of(tx: Reader, device: Device) -> User | None:
    """The staging user whose type lets a device be handed out as it is; None for nobody."""
    if device.staging_user_id is not None:
        lender = users.find(tx, device.staging_user_id)
        if lender is not None and lender.staging.lends:
            return lender
    owner = users.find(tx, device.user_id) if device.user_id else None
    hands_out = owner is not None and (owner.staging.lends or owner.staging.gives)
    return owner if hands_out else None


@dataclass(frozen=True, slots=True)
class HandingOut:
    """A device on its way.

    Attributes:
        returns_to: the staging user to whom it comes back; None where it does not.
        allowance: the limits that it must fit into where it goes.
        unaccepted: terms of use that would be asked of him if he enrolled it; None for none.
    """

    device: Device
    to: User
    place: Organization
    staged_by: User
    returns_to: Id | None
    allowance: Allowance | None
    unaccepted: TermsRef | None


@dataclass(frozen=True)
class HandOut(QuickVerb[HandingOut, Device]):
    """Give an enrolled device of a staging user to another user, as it is.

    To the staging user himself it goes back.

    Attributes:
        user: id or user name of whoever gets it.
        organization: where the device is from now on; "" as for `Reassign`.
        for_good: it does not come back; where his type knows nothing else, it never does.
        version: the version of the device that was seen.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `precondition_failed`; `conflict` where
    it is his already, or not staged so; those of the restrictions.
    """

    device_id: str
    user: str
    organization: str = ""
    for_good: bool = False
    version: int | None = None

    name = "hand_out"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> HandingOut | Refusal:
        device = device_named(tx, caller, self.device_id, Permission.DEVICES_REASSIGN)
        if isinstance(device, Refusal):
            return device
        to = user_named(tx, caller, self.user)
        if isinstance(to, Refusal):
            return to
        refusal = edited_since(device, self.version)
        refusal = refusal or beyond(tx, caller, device.user_id, device.subjects)
        refusal = refusal or beyond(tx, caller, to.id, to.subjects) or self._unfit(device, to)
        if refusal is not None:
            return refusal
        staged_by = stager_of(tx, device)
        if staged_by is None or (self.for_good and not staged_by.staging.gives):
            return _not_so(device, staged_by)
        place = place_for(tx, caller, device, to, self.organization)
        if isinstance(place, Refusal):
            return place
        policy = organizations.policy(tx, place.path)
        allowance = _allowance(tx, device, to, place, policy)
        if isinstance(allowance, Refusal):
            return allowance
        back = staged_by.staging.lends and not self.for_good and to.id != staged_by.id
        returns_to = staged_by.id if back else None
        agreement = agreeing.stand(tx, policy, Comer(device.platform, "", to.id, None))
        unaccepted = agreement.asked if agreement else None
        return HandingOut(device, to, place, staged_by, returns_to, allowance, unaccepted)

    def _unfit(self, device: Device, to: User) -> Refusal | None:
        if to.id == device.user_id:
            detail = "The device is this user's already."
            return Refusal("conflict", detail=detail, about=device.subjects)
        if device.state is not DeviceState.ENROLLED:
            detail = "Only what is enrolled can be handed out. Reassign it instead."
            return Refusal("conflict", detail=detail, about=device.subjects)
        if to.state is not UserState.ACTIVE:
            return invalid("user", "is disabled; enable the user first")
        return None

    def apply(self, tx: Tx, caller: Caller, ready: HandingOut) -> Done[Device] | Refusal:
        device, to = ready.device, ready.to
        spent = allowances.take(tx, ready.allowance) if ready.allowance else None
        if spent is not None:
            return Refusal(spent, about=device.subjects, reason="as many as are allowed")
        if not users.hold(tx, to.id, within=ready.place.path):
            raise ConcurrentChange
        if not device_moves.hand_out(
            tx,
            device,
            user_id=to.id,
            organization_id=ready.place.id,
            staged_by=ready.staged_by,
            returns_to=ready.returns_to,
        ):
            raise ConcurrentChange
        handed = devices.find(tx, device.id)
        assert handed is not None
        # Both owners have the event in their log; of the other one each learns the id alone.
        data: dict[str, str | int | bool | None] = {
            "from": device.user_id,
            "to": to.id,
            "returns_to": ready.returns_to,
        }
        his = dict(data)
        if ready.unaccepted is not None:
            his |= {
                "unaccepted_terms": ready.unaccepted.id,
                "terms_version": ready.unaccepted.version,
            }
        for each, told in ((device, data), (handed, his)):
            personal = {"device": each.name, "user": each.username}
            events.record(tx, caller, Happening("device.handed_out", each.subjects, told, personal))
        return Done(discreetly(tx, caller, [handed])[0])

    def clash(self, index: str) -> Refusal | None:
        if "external_id" in index:
            return invalid("organization", "another device there has the same external id")
        return None


def _not_so(device: Device, staged_by: User | None) -> Refusal:
    """Why a device is not handed out so, and what to do instead."""
    detail = "No staging user enrolled it for others to have as it is. Reassign it instead."
    if staged_by is not None:
        detail = "Devices of this staging user come back to him. Reassign it to give it for good."
    return Refusal("conflict", detail=detail, about=device.subjects)


def _allowance(
    tx: Reader, device: Device, to: User, place: Organization, policy: EnrollmentPolicy
) -> Allowance | Refusal | None:
    """The limits that count where it goes; refused where he could not enroll it there."""
    report, platform = DeviceReport(), device.platform
    coming = Coming(place.path, to.id, device, platform, report, by_sign_in=False, whole=False)
    standing = restricting.stand(tx, policy, coming)
    if standing is None:
        return None
    barred = standing.barred
    if barred is not None and barred.code != "device_limit_reached":  # counted below
        return Refusal(barred.code, reason=barred.reason, about=device.subjects)
    return _of_others(standing, device)


def _of_others(standing: Standing, device: Device) -> Allowance | None:
    """The limits without those caps in which it is counted already, where it stands now."""
    allowance = standing.allowance
    if allowance is None:
        return None
    here = device.organization_path
    caps = tuple(each for each in allowance.caps if not here.startswith(each[0]))
    return replace(allowance, caps=caps)
