"""Reset: an enrolled device loses what it holds at once, and gets a new enrollment (seed 003).

It always succeeds, whatever is outstanding and however often (ruling 1): theft cannot wait. So
nothing is sent by itself, and no cap counts; how the new token gets to its user comes afterwards.
The reason given becomes the reason in the revocation list and in the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.lifecycle import SUPERSEDED
from enlist.core.model import Device, GrantKind
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.store import device_moves, events, organizations, sign_ins, users
from enlist.store.tx import Reader, Tx
from enlist.verbs.afresh import Afresh, Ready, Seen, grant_of, handed_over, place_of
from enlist.verbs.consequences import bind, foresee, outdated, standing
from enlist.verbs.driver import Tools
from enlist.verbs.finding import beyond, device_named
from enlist.verbs.issuing import LATER, Delivery, Issued, check_template
from enlist.verbs.users import editable_user


class ResetReason(StrEnum):
    """Why a device is reset; `pki.revocation.REASONS` has what the revocation list says."""

    NEW_DEVICE = "new_device"
    LOST = "lost"
    CORRUPTED = "corrupted"
    COMPROMISED = "compromised"


UNSAID = "reset"
"""The reason where none was given."""


@dataclass(frozen=True)
class Reset(Afresh):
    """Reset a device.

    Attributes:
        reason: a `ResetReason`; "" where nobody says.
        message: how the new token gets to its user; later, unless it is said.
        expires_at: until when it works; the organization's hours from now where it is None.
        grant: by what the device enrolls again; as it did the last time where it is None.
        end_sign_ins: end its owner's sign-ins too; only where it is compromised, and only by
            those who may edit him.
        preview: what was shown by a dry run; another situation is refused.
        version: of the device, as it was seen.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `precondition_failed`,
    `preview_outdated`, `conflict` where its user was deleted, and the delivery's.
    """

    device_id: str
    reason: str = ""
    message: Delivery = LATER
    expires_at: int | None = None
    grant: GrantKind | None = None
    end_sign_ins: bool = False
    preview: str = ""
    version: int | None = None

    name = "reset"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        device = device_named(tx, caller, self.device_id, Permission.DEVICES_RESET)
        if isinstance(device, Refusal):
            return device
        refusal = beyond(tx, caller, device.user_id, device.subjects)
        refusal = refusal or self._unfit(tx, caller, device)
        if refusal is not None:
            return refusal
        place = place_of(tx, device.organization_id)
        if isinstance(place, Refusal):
            return place
        user = users.find(tx, device.user_id) if device.user_id else None
        if device.user_id and user is None:
            detail = "Its user was deleted. Give the device to whoever has it now."
            return Refusal("conflict", detail=detail, about=device.subjects)
        refusal = check_template(tx, self.message, place.path)
        if refusal is not None:
            return refusal
        ending = foresee(tx, device, end_sign_ins=self.end_sign_ins)
        foreseen = bind("reset", standing(device), ending, tx.now)
        refusal = outdated(self.preview, foreseen, device.subjects)
        if refusal is not None:
            return refusal
        policy = organizations.policy(tx, place.path)
        grant = grant_of(tx, device.id, self.grant)
        return Seen(device, user, place, policy, grant, foreseen)

    def _unfit(self, tx: Reader, caller: Caller, device: Device) -> Refusal | None:
        if self.version not in (None, device.version):
            return Refusal("precondition_failed", about=device.subjects)
        if self.reason and self.reason not in set(ResetReason):
            return invalid("reason", f"must be one of {', '.join(ResetReason)}")
        if not self.end_sign_ins:
            return None
        if self.reason != ResetReason.COMPROMISED:
            return invalid("end_sign_ins", "is for a device that is compromised")
        if device.user_id is None:
            return invalid("end_sign_ins", "the device belongs to nobody")
        owner = editable_user(tx, caller, device.user_id)
        return owner if isinstance(owner, Refusal) else None

    def ended(self) -> tuple[str, str]:
        return self.reason or UNSAID, SUPERSEDED

    def turn(self, tx: Tx, caller: Caller, ready: Ready) -> bool:
        device = ready.seen.device
        return device_moves.reset(tx, device.id, device.version)

    def close(
        self, tx: Tx, caller: Caller, ready: Ready, data: dict[str, str | int]
    ) -> Done[Issued]:
        user = ready.seen.user
        if self.end_sign_ins and user is not None:
            ended = {"ended": sign_ins.end_all(tx, user.id)}
            personal = {"user": user.username}
            events.record(
                tx, caller, Happening("sign_in.all_ended", user.subjects, ended, personal)
            )
        told = {"reason": self.reason or UNSAID, **data}
        return handed_over(tx, caller, ready, "device.reset", told)
