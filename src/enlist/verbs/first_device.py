"""A user together with the first device: added, registered and invited in one transaction (X42).

Nothing is done here that `AddUser` and `Register` do not do: their looks, their works and their
applies run one after the other, so that both become real or neither does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.model import Organization, User
from enlist.core.outcomes import Done, FieldError, Refusal
from enlist.core.policy import EnrollmentPolicy
from enlist.store import devices
from enlist.store.tx import Reader, Tx
from enlist.verbs import register
from enlist.verbs.caps import send_cap
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.finding import user_named
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.register import IssuedAgain, Register
from enlist.verbs.rights import missing
from enlist.verbs.users import AddUser, NewUser

_OF_THE_USER: Final = {"user.email": "email", "user.phone": "phone"}
"""What `Register` calls a field of the user, by the name that it has here."""


@dataclass(frozen=True, slots=True)
class FirstDevice:
    """A device for a user who is just being added.

    Attributes:
        expires_at: microseconds UTC; None for the organization's hours from now.
    """

    details: DeviceDetails
    message: Delivery = Delivery()  # noqa: RUF009
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Both:
    """A user who was added, and the enrollment of the first device."""

    user: User
    issued: Issued


@dataclass(frozen=True, slots=True)
class Seen:
    """Where both will be, and the settings in force there."""

    organization: Organization
    policy: EnrollmentPolicy


@dataclass(frozen=True, slots=True)
class Ready:
    """Both, about to be written."""

    user: NewUser
    registration: register.Ready


@dataclass(frozen=True)
class AddUserWithDevice(Verb[Seen, Ready, Both]):
    """Add a user, register a device for him and issue its enrollment, or do nothing at all.

    Refusals: those of `AddUser` and of `Register`; fields of the device begin with `device.`.
    """

    user: AddUser
    device: FirstDevice

    name = "add_user_with_device"

    @property
    def hashes(self) -> bool:
        return self.user.hashes

    @property
    def _register(self) -> Register:
        """The registration as it could be asked for once the user is there."""
        device = self.device
        return Register("", self.user.username, device.details, device.message, device.expires_at)

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        organization = self.user.look(tools, tx, caller)
        if isinstance(organization, Refusal):
            return organization
        policy = self._register.look_at(tools, tx, caller, organization)
        return _told(policy) if isinstance(policy, Refusal) else Seen(organization, policy)

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        wrong = _told(Refusal("validation_failed", fields=self.device.details.problems()))
        new = self.user.work(tools, caller, seen.organization)
        if isinstance(new, Refusal):
            told = new.fields if new.code != wrong.code else (*new.fields, *wrong.fields)
            return replace(new, fields=told)
        if wrong.fields:
            return wrong
        place = register.Seen(seen.organization, new.user, seen.policy)
        registration = self._register.work(tools, caller, place)
        if isinstance(registration, Refusal):
            return _told(registration)
        return Ready(new, registration)

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Both] | Refusal:
        refusal = send_cap(tx, ready.registration.prepared) or self.user.capped(tx, ready.user)
        if refusal is not None:
            return refusal
        # Neither can refuse from here on: what it left would be committed with the refusal (S17).
        added = self.user.write(tx, caller, ready.user)
        registered = self._register.write(tx, caller, ready.registration)
        return Done(Both(added.value, registered.value), (*added.effects, *registered.effects))

    def clash(self, index: str) -> Refusal | None:
        refusal = self._register.clash(index)
        return _told(refusal) if refusal else self.user.clash(index)

    def made(self, value: Both) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.issued.enrollment_id


@dataclass(frozen=True)
class BothAgain(QuickVerb[Both, Both]):
    """The answer of an earlier AddUserWithDevice once more, for its Idempotency-Key."""

    enrollment_id: Id
    revealed: bool

    name = "both_again"

    @property
    def _issued(self) -> IssuedAgain:
        return IssuedAgain(self.enrollment_id, self.revealed)

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Both | Refusal:
        issued = self._issued.look(tools, tx, caller)
        if isinstance(issued, Refusal):
            return issued
        device = devices.find(tx, issued.device_id)
        user = user_named(tx, caller, device.user_id or "") if device else missing("device")
        return user if isinstance(user, Refusal) else Both(user, issued)

    def apply(self, tx: Tx, caller: Caller, ready: Both) -> Done[Both]:
        return Done(replace(ready, issued=self._issued.apply(tx, caller, ready.issued).value))


def _told(refusal: Refusal) -> Refusal:
    """What `Register` refused, with its fields named as they stand beside the user's."""
    fields = tuple(
        FieldError(_OF_THE_USER.get(each.field, f"device.{each.field}"), each.message)
        for each in refusal.fields
    )
    return replace(refusal, fields=fields)
