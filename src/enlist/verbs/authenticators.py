"""Authenticators, OpenZiti's word for what a device proves itself with: here, its certificate.

An authenticator is found by its own id, and what is done to it is done to its device.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.filtering import Selection
from enlist.core.model import Credential, Device
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Permission
from enlist.store import credentials, events
from enlist.store.credentials import InUse
from enlist.store.slices import Slice
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.afresh import Seen
from enlist.verbs.driver import QuickVerb, Tools, View
from enlist.verbs.finding import beyond, device_named, with_id
from enlist.verbs.identities import Sliced
from enlist.verbs.reset import Reset


@dataclass(frozen=True, slots=True)
class Held:
    """A credential in use, and the device that holds it."""

    credential: Credential
    device: Device


def authenticator_named(
    tx: Reader, caller: Caller, authenticator_id: str, permission: Permission
) -> Held | Refusal:
    """The credential in use with this id."""
    found = with_id(tx, authenticator_id, credentials.find, "authenticator")
    if isinstance(found, Refusal):
        return found
    device = device_named(tx, caller, found.device_id, permission)
    return device if isinstance(device, Refusal) else Held(found, device)


@dataclass(frozen=True)
class ListAuthenticators(Sliced[InUse]):
    """Credentials in use."""

    wanted: Selection

    permission = Permission.DEVICES_READ

    def show(self, tx: Reader, caller: Caller, path: str, *, discreetly: bool) -> Slice[InUse]:
        return credentials.selected(tx, path, self.wanted, discreetly=discreetly)


@dataclass(frozen=True)
class ShowAuthenticator(View[InUse]):
    """One of them.

    Refusals: `not_found`, also for one that was revoked; `forbidden`.
    """

    authenticator_id: str

    def read(self, tx: Reader, caller: Caller) -> InUse | Refusal:
        held = authenticator_named(tx, caller, self.authenticator_id, Permission.DEVICES_READ)
        if isinstance(held, Refusal):
            return held
        return InUse(held.credential, held.device.name)


@dataclass(frozen=True)
class ReEnroll(Reset):
    """Reset the device of an authenticator, but not while a token for it is out (D09).

    Everywhere else a reset ends what is out (ruling 1): theft cannot wait. Here the contract of
    OpenZiti's controller says otherwise.

    Refusals: those of `Reset`; `not_found` for an authenticator that is not in use,
    `enrollment_exists`.
    """

    authenticator_id: str = ""

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        permission = Permission.DEVICES_RESET
        held = authenticator_named(tx, caller, self.authenticator_id, permission)
        if isinstance(held, Refusal):
            return held
        seen = Reset.look(replace(self, device_id=held.device.id), tools, tx, caller)
        if isinstance(seen, Seen) and seen.foreseen.consequences.enrollments:
            return Refusal("enrollment_exists", about=held.device.subjects)
        return seen


@dataclass(frozen=True)
class RequestExtension(QuickVerb[Held, None]):
    """Ask a device to renew its certificate; it sees that in its next API session (D71).

    Attributes:
        roll_key: with another key.

    Refusals: `not_found`, `forbidden`.
    """

    authenticator_id: str
    roll_key: bool = False

    name = "request_extension"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Held | Refusal:
        held = authenticator_named(tx, caller, self.authenticator_id, Permission.DEVICES_EDIT)
        if isinstance(held, Refusal):
            return held
        device = held.device
        return beyond(tx, caller, device.user_id, device.subjects) or held

    def apply(self, tx: Tx, caller: Caller, ready: Held) -> Done[None]:
        if not credentials.request_extend(tx, ready.credential.id, roll_key=self.roll_key):
            raise ConcurrentChange
        happening = Happening(
            "credential.extension_requested",
            ready.device.subjects,
            {"serial": ready.credential.serial, "roll_key": self.roll_key},
            {"device": ready.device.name, "user": ready.device.username},
        )
        events.record(tx, caller, happening)
        return Done(None)
