"""Renewing a certificate as OpenZiti's clients do: asked for and confirmed by the old one (D63)."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from enlist.core.caller import Caller
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Secret
from enlist.pki.authority import serial_text
from enlist.pki.chain import DeviceCertificate, Flawed
from enlist.pki.csr import Csr
from enlist.store import credentials
from enlist.store.credentials import NewCertificate
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.api_sessions import ByToken, Proved, proved_by, shown_by
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.renewal import another, asked_in_vain, extend, retire, too_often
from enlist.verbs.rights import missing


def _look(
    tools: Tools, tx: Reader, token: Secret, credential_id: str, shown: DeviceCertificate | Flawed
) -> Proved | Refusal:
    """The session, where the credential that is named is the one that it was proved with."""
    found = shown_by(shown, proved_by(tools, tx, token))
    if isinstance(found, Refusal):
        return found
    if credential_id != found.credential.id:
        return missing("credential")
    if isinstance(shown, Flawed) or shown.serial != found.credential.serial:
        about = found.device.subjects
        return Refusal("credential_revoked", reason="another certificate", about=about, holder=True)
    return found


@dataclass(frozen=True, slots=True)
class Extension:
    """A certificate that is about to take over from a credential."""

    proved: Proved
    fresh: NewCertificate


@dataclass(frozen=True)
class ExtendCertificate(ByToken, Verb[Proved, Extension, str]):
    """Issue another certificate for a device that has proved itself; answers it, PEM.

    Attributes:
        credential_id: the credential that is renewed.
        presented: what the handshake's certificate was found to be.

    Refusals: `unauthenticated`, `not_found` for another's credential, `credential_revoked` where
    the connection was made with another certificate, `csr_invalid`, `rate_limited`.
    """

    token: Secret
    credential_id: str
    presented: DeviceCertificate | Flawed
    csr: Csr | Refusal

    name = "extend_certificate"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Proved | Refusal:
        found = _look(tools, tx, self.token, self.credential_id, self.presented)
        return found if isinstance(found, Refusal) else too_often(tx, found.device.id) or found

    def work(self, tools: Tools, caller: Caller, seen: Proved) -> Extension | Refusal:
        fresh = another(tools, self.csr, seen.device)
        return fresh if isinstance(fresh, Refusal) else Extension(seen, fresh)

    def apply(self, tx: Tx, caller: Caller, ready: Extension) -> Done[str] | Refusal:
        extend(tx, caller, ready.proved.device, ready.proved.credential, ready.fresh)
        return Done(ready.fresh.certificate)

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None:
        if refusal.code == "csr_invalid" and isinstance(self.presented, DeviceCertificate):
            return asked_in_vain(tx, self.presented.device_id)
        return super().on_refusal(tx, caller, refusal)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A renewal that the device has confirmed."""

    proved: Proved
    serial: str


@dataclass(frozen=True)
class ConfirmExtension(ByToken, QuickVerb[Confirmed, None]):
    """The device has its new certificate: from now on the old one counts no more.

    Attributes:
        confirmed: the new certificate as the device has it, PEM.

    Refusals: as `ExtendCertificate`; `not_found` also for a certificate that renews another one.
    """

    token: Secret
    credential_id: str
    presented: DeviceCertificate | Flawed
    confirmed: str

    name = "confirm_extension"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Confirmed | Refusal:
        found = _look(tools, tx, self.token, self.credential_id, self.presented)
        if isinstance(found, Refusal):
            return found
        serial = _serial(self.confirmed)
        fresh = credentials.by_serial(tx, serial) if serial else None
        if fresh is None or fresh.renews_id != found.credential.id or fresh.revoked_at is not None:
            return missing("renewal")
        if _der(fresh.certificate) != _der(self.confirmed):
            return missing("renewal")
        return Confirmed(found, serial)

    def apply(self, tx: Tx, caller: Caller, ready: Confirmed) -> Done[None] | Refusal:
        fresh = credentials.by_serial(tx, ready.serial)
        if fresh is None or fresh.revoked_at is not None:
            raise ConcurrentChange
        proved = ready.proved
        retire(tx, caller, proved.device, proved.credential, fresh, proved.session.id)
        return Done(None)


def _serial(pem: str) -> str:
    """The serial of the first certificate in a text; "" where there is none."""
    try:
        return serial_text(x509.load_pem_x509_certificate(pem.encode()).serial_number)
    except (ValueError, x509.InvalidVersion):
        return ""


def _der(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
