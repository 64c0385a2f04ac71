"""Registering a device that need not be anybody's, as an OpenZiti identity (ruling 13).

It belongs where its maker belongs. An external id that is the name of a user whom he may see
makes it that user's, in that user's organization.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import Device
from enlist.core.outcomes import Done, Refusal
from enlist.store import devices, events, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.finding import organization_named, user_named
from enlist.verbs.register import Register, Seen


@dataclass(frozen=True)
class RegisterIdentity(Register):
    """Register a device, perhaps for a user, and issue its enrollment.

    Attributes:
        organization, user: "", as both follow from who asks and from the external id.

    Refusals: those of `Register`.
    """

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        named = self.details.external_id
        user = user_named(tx, caller, named) if named else None
        if user is not None and not isinstance(user, Refusal):
            return Register.look(replace(self, user=user.id), tools, tx, caller)
        if errors := self.details.problems():
            return Refusal("validation_failed", fields=errors)
        organization = organization_named(tx, caller, caller.organization_id or "")
        if isinstance(organization, Refusal):
            return organization
        policy = self.look_at(tools, tx, caller, organization)
        return policy if isinstance(policy, Refusal) else Seen(organization, None, policy)


@dataclass(frozen=True)
class RegisterAlone(Verb[Seen, Device, Device]):
    """The same without an enrollment: the device waits until one is issued for it."""

    registration: RegisterIdentity

    name = "register"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        return self.registration.look(tools, tx, caller)

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Device:
        return self.registration.new_device(seen, tools.clock())

    def apply(self, tx: Tx, caller: Caller, ready: Device) -> Done[Device]:
        place = ready.organization_path
        if ready.user_id is not None and not users.hold(tx, ready.user_id, place):
            raise ConcurrentChange
        devices.insert(tx, ready)
        data = {"platform": ready.platform.value}
        personal = {"device": ready.name, "user": ready.username}
        events.record(tx, caller, Happening("device.registered", ready.subjects, data, personal))
        return Done(ready)

    def clash(self, index: str) -> Refusal | None:
        return self.registration.clash(index)
