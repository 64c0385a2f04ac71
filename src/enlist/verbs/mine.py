"""What everybody does with his own devices: the self-service portal (A18-A22, A77).

No rights are asked: what is his own is found by its owner, and everything else does not exist for
him. The work is that of the verbs of staff, run here one after the other. A token goes to his own
address, by a message, and is never in an answer. He may complete that address while he registers a
device, until a device of his was enrolled with a token; see `ChangeUser`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import HOUR
from enlist.core.ids import Id
from enlist.core.lifecycle import DeviceState, EnrollmentState
from enlist.core.model import Device, Enrollment, GrantKind, User
from enlist.core.outcomes import Done, FieldError, Refusal, invalid
from enlist.core.policy import EnrollmentPolicy
from enlist.store import devices, enrollment_status, limits, organizations, users
from enlist.store.tx import Reader, Tx
from enlist.verbs import prompting, register
from enlist.verbs.caps import send_cap
from enlist.verbs.channels import CHANNELS
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.finding import with_id
from enlist.verbs.idempotent import Again
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.register import Register
from enlist.verbs.reissue import Reissue, Reissuing, Resend, Resending, Seen, last_channel
from enlist.verbs.rights import missing
from enlist.verbs.users import ChangeUser, Changing, write_change

MOST_SENT: Final = 20
"""Messages that somebody may have sent to himself within an hour: his address may be another's."""

_OWN_FIELD: Final = {"user.email": "email", "user.phone": "phone"}
"""What `Register` calls a field of the user, by the name that it has here."""


def himself(tx: Reader, caller: Caller) -> User | Refusal:
    """The user who asks; API keys are nobody."""
    found = users.find(tx, caller.id) if caller.id and caller.kind is CallerKind.USER else None
    return found or Refusal("unauthenticated")


def own_device(tx: Reader, caller: Caller, device_id: str) -> Device | Refusal:
    """A device of his own; `not_found` for everybody else's."""
    own = himself(tx, caller)
    if isinstance(own, Refusal):
        return own
    found = with_id(tx, device_id, devices.find, "device")
    if isinstance(found, Device) and found.user_id != own.id:
        return missing("device of his own")
    return found


def newest_of(tx: Reader, device: Device) -> Enrollment | None:
    """The newest enrollment of a device, as far as it is its user's."""
    found = enrollment_status.of_device(tx, device.id)
    return next((each for each in found if each.user_id == device.user_id), None)


def _sendable(tx: Reader, caller: Caller, device_id: str) -> Seen | Refusal:
    """The enrollment of his device whose token can be sent to him."""
    device = own_device(tx, caller, device_id)
    if isinstance(device, Refusal):
        return device
    found = newest_of(tx, device)
    if found is None or found.grant is not GrantKind.REGISTRATION_TOKEN:
        return Refusal("not_resendable", about=device.subjects, reason="there is no token")
    if found.state is EnrollmentState.ON_HOLD:
        return Refusal("token_on_hold", about=found.subjects)
    policy = organizations.policy(tx, found.organization_path)
    return Seen(found, users.find(tx, device.user_id or ""), policy)


def _once_more(tx: Tx, caller: Caller) -> Refusal | None:
    """`rate_limited` for who had too many messages sent; counts this one."""
    source = f"{limits.SELF_SERVICE}{caller.id}"
    if limits.count(tx, source, MOST_SENT, HOUR):
        return None
    return Refusal("rate_limited", retry_after=limits.used_up(tx, source, MOST_SENT))


@dataclass(frozen=True, slots=True)
class Adding:
    """A device of one's own before it is looked at: who adds it, and where."""

    user: User
    registration: register.Seen


@dataclass(frozen=True, slots=True)
class Ready:
    """Both, about to be written: the address completed, if it was, and the device."""

    change: Changing | None
    registration: register.Ready


@dataclass(frozen=True)
class AddMine(Verb[Adding, Ready, Issued]):
    """Register a device of one's own; its token is sent to oneself.

    Attributes:
        contact: e-mail address and phone number as they shall be; what is missing stays.

    Refusals: `unauthenticated`, `validation_failed`, `contact_locked`, `email_missing`,
    `phone_missing`, `email_taken`, `no_channel`, `too_many_enrollments`, `sms_cap_reached`,
    `rate_limited`.
    """

    details: DeviceDetails
    message: Delivery = Delivery()  # noqa: RUF009
    contact: Mapping[str, str] = field(default_factory=dict)

    name = "register"

    @property
    def _register(self) -> Register:
        return Register("", "", self.details, self.message)

    def _change(self, own: User) -> ChangeUser:
        return ChangeUser(own.id, self.contact)

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Adding | Refusal:
        own = himself(tx, caller)
        if isinstance(own, Refusal):
            return own
        if self.message.type not in CHANNELS or self.message.template:
            return invalid("message.type", "must be one by which a message is sent")
        place = organizations.find(tx, own.enrolls_at)
        if place is None:
            return missing("organization")
        looked = self._change(own).look(tools, tx, caller) if self.contact else own
        if isinstance(looked, Refusal):
            return looked
        policy = self._register.settings_at(tools, tx, place)
        if isinstance(policy, Refusal):
            return policy
        return Adding(own, register.Seen(place, own, policy))

    def work(self, tools: Tools, caller: Caller, seen: Adding) -> Ready | Refusal:
        policy = seen.registration.policy
        wrong = self.details.problems() or _unsaid(policy, self.details.stored())
        change = self._change(seen.user).work(tools, caller, seen.user) if self.contact else None
        if isinstance(change, Refusal):
            return replace(change, fields=(*wrong, *change.fields))
        user = change.after if change else seen.user
        place = replace(seen.registration, user=user)
        made = self._register.work(tools, caller, place) if not wrong else None
        if isinstance(made, Refusal):
            return _told(made)
        if made is None:
            return Refusal("validation_failed", about=user.subjects, fields=wrong)
        return Ready(change if change and change.changed else None, made)

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Issued] | Refusal:
        refusal = send_cap(tx, ready.registration.prepared) or _once_more(tx, caller)
        if refusal is not None:
            return refusal
        # From here on nothing can refuse: what it left would be committed with the refusal (S17).
        effects = write_change(tx, caller, ready.change) if ready.change else ()
        done = self._register.write(tx, caller, ready.registration)
        return Done(done.value, (*effects, *done.effects))

    def clash(self, index: str) -> Refusal | None:
        refusal = self._register.clash(index)
        return refusal or ChangeUser("", {}).clash(index)

    def made(self, value: Issued) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.device_id


def _unsaid(policy: EnrollmentPolicy, details: DeviceDetails) -> tuple[FieldError, ...]:
    """What his organization asks of a device, and he left empty (A58)."""
    missing = prompting.unsaid(policy, details.ownership, details.asset_number)
    return tuple(FieldError(each, "your organization asks for it") for each in missing)


def _told(refusal: Refusal) -> Refusal:
    """What `Register` refused, with the fields of the user named as they stand in his own form."""
    named = tuple(
        FieldError(_OWN_FIELD.get(each.field, each.field), each.message) for each in refusal.fields
    )
    return replace(refusal, fields=named)


@dataclass(frozen=True)
class AddedAgain(Again[Issued]):
    """The answer of an earlier AddMine once more, for its Idempotency-Key."""

    device_id: Id

    name = "issued_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Issued | Refusal:
        device = own_device(tx, caller, self.device_id)
        if isinstance(device, Refusal):
            return device
        found = newest_of(tx, device)
        if found is None:
            return missing("enrollment")
        return Issued(found.id, device.id, found.expires_at, found.generation, None, None)


@dataclass(frozen=True)
class ResendMine(Resend):
    """Send oneself the token of one's own device again: same token, same expiry.

    Attributes:
        enrollment_id: the device's id; the newest enrollment of a device is the one.

    Refusals: those of `Resend`, `token_on_hold`, `rate_limited`.
    """

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> tuple[Seen, Delivery] | Refusal:
        seen = _sendable(tx, caller, self.enrollment_id)
        if isinstance(seen, Refusal):
            return seen
        return seen, Delivery(last_channel(tx, seen.enrollment))

    def apply(self, tx: Tx, caller: Caller, ready: Resending) -> Done[Id] | Refusal:
        return _once_more(tx, caller) or super().apply(tx, caller, ready)


@dataclass(frozen=True)
class RenewMine(Reissue):
    """Send oneself a new token for one's own device, in the place of the last one.

    Attributes:
        enrollment_id: the device's id, as in `ResendMine`.

    Refusals: those of `Reissue`, `token_on_hold`, `rate_limited`.
    """

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        if self.message is not None and self.message.type not in CHANNELS:
            return invalid("message.type", "must be one by which a message is sent")
        return _sendable(tx, caller, self.enrollment_id)

    def apply(self, tx: Tx, caller: Caller, ready: Reissuing) -> Done[Issued] | Refusal:
        return _once_more(tx, caller) or super().apply(tx, caller, ready)


@dataclass(frozen=True)
class DeleteMine(DeleteDevice):
    """Delete one's own device, or cancel its registration; one that is blocked or lent stays.

    Refusals: `not_found`, `device_blocked`, `forbidden`.
    """

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Device | Refusal:
        found = own_device(tx, caller, self.device_id)
        if isinstance(found, Device) and found.state is DeviceState.BLOCKED:
            return Refusal("device_blocked", about=found.subjects)
        if isinstance(found, Device) and found.staging_user_id is not None:
            return Refusal("forbidden", about=found.subjects, reason="it is lent by staging")
        return found
