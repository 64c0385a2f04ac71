"""How an enrolled device stands, asked by itself with its certificate (`GET /device`).

The TLS handshake and `enlist.pki.chain` have proved that the certificate is ours and that the
device holds its key. What only the store knows is decided here: is it still wanted?
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.clock import MINUTE
from enlist.core.ids import Id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Credential, Device, UserState
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.store import credentials, devices, users
from enlist.store.tx import Reader, Tx
from enlist.verbs.clones import clone_alarm
from enlist.verbs.driver import Answered, Tools, Verb
from enlist.verbs.knocking import Knocks, once_a_minute


@dataclass(frozen=True, slots=True)
class Standing:
    """A device, whose it is, and the credential that it came with."""

    device: Device
    username: str
    credential: Credential


def standing(tx: Reader, caller: Caller, device_id: Id, serial: str) -> Standing | Refusal:
    """Whether a device is still wanted with this certificate.

    Refusals: those of `DeviceStatus`; the devices of a disabled user are blocked. A verb that
    uses this `Knocks`.
    """
    found = _standing(tx, device_id, serial)
    return once_a_minute(tx, caller, serial, found) if isinstance(found, Refusal) else found


def _standing(tx: Reader, device_id: Id, serial: str) -> Standing | Refusal:
    credential = credentials.by_serial(tx, serial)
    if credential is None or credential.device_id != device_id:
        return Refusal("credential_revoked", reason="unknown", holder=True)
    device = devices.find(tx, credential.device_id)
    about = Subjects(
        device.organization_id if device else None,
        device.user_id if device else None,
        credential.device_id,
        credential.enrollment_id,
    )
    if credential.revoked_at is not None or device is None:
        reason = credential.revocation_reason or "the device was deleted"
        moment = credential.revoked_at
        refusal = Refusal("credential_revoked", at=moment, reason=reason, about=about, holder=True)
        return clone_alarm(refusal, credential)
    if credential.not_after <= tx.now:
        moment = credential.not_after
        return Refusal("credential_expired", at=moment, about=about, holder=True)
    if device.state is DeviceState.BLOCKED:
        return Refusal("device_blocked", about=about, holder=True)
    if device.state is not DeviceState.ENROLLED:  # whatever became of its certificates
        reason = f"the device is {device.state}"
        return Refusal("credential_revoked", reason=reason, about=about, holder=True)
    user = users.find(tx, device.user_id) if device.user_id else None
    if user is not None and user.state is not UserState.ACTIVE:
        return Refusal("device_blocked", reason="its user is disabled", about=about, holder=True)
    return Standing(device, device.username, credential)


@dataclass(frozen=True)
class DeviceStatus(Knocks, Verb[Standing, Standing, Standing]):
    """Tell a device how it stands, and note that it was seen.

    Attributes:
        device_id, serial: what the proved certificate says; the serial as lower-case hex.

    Refusals: `credential_revoked` (also for unknown ones and deleted devices),
    `credential_expired`, `device_blocked`.
    """

    device_id: Id
    serial: str

    name = "device_status"
    refused_as = "credential.refused"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Standing | Refusal:
        return standing(tx, caller, self.device_id, self.serial)

    def work(self, tools: Tools, caller: Caller, seen: Standing) -> Standing | Answered[Standing]:
        # Once a minute is enough for "last seen"; a device may ask as often as it likes.
        if (seen.device.last_seen_at or 0) > tools.clock() - MINUTE:
            return Answered(Done(seen))
        return seen

    def apply(self, tx: Tx, caller: Caller, ready: Standing) -> Done[Standing] | Refusal:
        devices.seen(tx, ready.device.id)
        return Done(ready)
