"""Renewing a certificate, whoever asks for it in whichever way.

Another certificate is issued beside the one in use, and both count until the device says that the
new one has come. Then the old one is revoked, and the API session that said so goes on under the
new one. Any other ends: it may be that of whoever copied the old key. An answer that gets lost
costs nothing: the same is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.completions import certificate
from enlist.core.caller import Caller
from enlist.core.clock import HOUR
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.model import Credential, Device
from enlist.core.outcomes import Done, Refusal
from enlist.pki.csr import Csr
from enlist.store import api_sessions, credentials, device_moves, events, limits
from enlist.store.credentials import NewCertificate
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.device_status import Standing, standing
from enlist.verbs.driver import Answered, Tools, Verb
from enlist.verbs.knocking import Knocks

MOST_ASKED: Final = 20
"""Certificates that a device may ask for in an hour. Each makes an event, and each that is replaced
is told to everybody who follows revocations."""


def another(tools: Tools, csr: Csr | Refusal, device: Device) -> NewCertificate | Refusal:
    """A certificate for what a device asks, signed and not yet real; or what is wrong with that."""
    if isinstance(csr, Refusal):
        return csr
    return certificate.prepare(tools, csr, device.id)


def too_often(tx: Reader, device_id: Id) -> Refusal | None:
    """`rate_limited` for a device that asks for one certificate after the other."""
    wait = limits.used_up(tx, _asked_by(device_id), MOST_ASKED)
    return None if wait is None else Refusal("rate_limited", retry_after=wait)


def asked(tx: Tx, device_id: Id) -> bool:
    """Count that a device asks for another certificate; False where it did so too often."""
    return limits.count(tx, _asked_by(device_id), MOST_ASKED, HOUR)


def asked_in_vain(tx: Tx, device_id: Id) -> Refusal | None:
    """Count that a device asked for what it cannot get; what is told where it did so too often."""
    return None if asked(tx, device_id) else too_often(tx, device_id)


def _asked_by(device_id: Id) -> str:
    return f"{limits.RENEWAL}{device_id}"


def extend(tx: Tx, caller: Caller, device: Device, held: Credential, fresh: NewCertificate) -> None:
    """Issue another certificate beside the one held; an earlier one that never came is revoked.

    Whoever comes with a renewed certificate has received it, so what it renews ends. Else one
    renewal could follow the other beside a certificate that stays good, and a copied key would
    never be noticed (X50).
    """
    if not device_moves.hold_enrolled(tx, held.device_id) or not asked(tx, held.device_id):
        raise ConcurrentChange
    for before in credentials.living(tx, held.device_id):
        if before.id == held.renews_id:
            retire(tx, caller, device, before, held)
    credentials.revoke_renewals(tx, held)
    if not credentials.renew(tx, fresh, held.id, held.generation):
        raise ConcurrentChange
    _record(tx, caller, "credential.extended", device, fresh.serial, held)


def retire(
    tx: Tx,
    caller: Caller,
    device: Device,
    held: Credential,
    fresh: Credential,
    session_id: Id | None = None,
) -> None:
    """The new certificate has come: the old one is revoked.

    Args:
        session_id: the API session that said so, which goes on; None where it was said without.
    """
    if session_id is not None:
        api_sessions.take_over(tx, session_id, held.id, fresh.id)
    if not credentials.retire(tx, held):
        raise ConcurrentChange
    _record(tx, caller, "credential.renewed", device, fresh.serial, held)


def _record(
    tx: Tx, caller: Caller, kind: str, device: Device, serial: str, before: Credential
) -> None:
    data, personal = {"serial": serial, "renews": before.serial}, {"device": device.name}
    events.record(tx, caller, Happening(kind, device.subjects, data, personal))


@dataclass(frozen=True, slots=True)
class Renewal:
    """A certificate that is about to be issued beside the one that a device came with."""

    standing: Standing
    fresh: NewCertificate


@dataclass(frozen=True)
class RenewCertificate(Knocks, Verb[Standing, Renewal, str]):
    """Issue another certificate for the device that came with this one; answers it, PEM.

    Attributes:
        device_id, serial: what the proved certificate says; the serial as lower-case hex.

    Refusals: those of `DeviceStatus`, `csr_invalid`, `rate_limited`.
    """

    device_id: Id
    serial: str
    csr: Csr | Refusal

    name = "renew_certificate"
    refused_as = "credential.refused"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Standing | Refusal:
        found = standing(tx, caller, self.device_id, self.serial)
        return found if isinstance(found, Refusal) else too_often(tx, self.device_id) or found

    def work(self, tools: Tools, caller: Caller, seen: Standing) -> Renewal | Refusal:
        fresh = another(tools, self.csr, seen.device)
        return fresh if isinstance(fresh, Refusal) else Renewal(seen, fresh)

    def apply(self, tx: Tx, caller: Caller, ready: Renewal) -> Done[str] | Refusal:
        extend(tx, caller, ready.standing.device, ready.standing.credential, ready.fresh)
        return Done(ready.fresh.certificate)

    def kind_of(self, refusal: Refusal) -> str:
        """A request that is no good says nothing against the certificate that it came with."""
        bad_request = refusal.code == "csr_invalid"
        return "request.refused" if bad_request else super().kind_of(refusal)

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None:
        if refusal.code == "csr_invalid":
            return asked_in_vain(tx, self.device_id)
        return super().on_refusal(tx, caller, refusal)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A device that came with its new certificate, and the old one, as long as it counts."""

    standing: Standing
    before: Credential


@dataclass(frozen=True)
class ConfirmRenewal(Knocks, Verb[Arrived | Standing, Arrived, Standing]):
    """The device came with its new certificate: the one that it renews counts no more.

    It may be said again and again, also of a certificate that renews none: there is nothing left
    to do then.

    Attributes:
        device_id, serial: what the *new* certificate says.

    Refusals: those of `DeviceStatus`.
    """

    device_id: Id
    serial: str

    name = "confirm_renewal"
    refused_as = "credential.refused"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Arrived | Standing | Refusal:
        found = standing(tx, caller, self.device_id, self.serial)
        if isinstance(found, Refusal):
            return found
        living = credentials.living(tx, found.device.id)
        renewed = [each for each in living if each.id == found.credential.renews_id]
        return Arrived(found, renewed[0]) if renewed else found

    def work(
        self, tools: Tools, caller: Caller, seen: Arrived | Standing
    ) -> Arrived | Answered[Standing]:
        return seen if isinstance(seen, Arrived) else Answered(Done(seen))

    def apply(self, tx: Tx, caller: Caller, ready: Arrived) -> Done[Standing] | Refusal:
        found = ready.standing
        fresh = credentials.by_serial(tx, self.serial)
        if fresh is None or fresh.revoked_at is not None:
            raise ConcurrentChange
        retire(tx, caller, found.device, ready.before, fresh)
        return Done(found)
