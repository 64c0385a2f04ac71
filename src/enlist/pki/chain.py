"""What a client certificate that somebody presents is worth (S61, TP30).

Every device certificate was signed by an issuing CA of ours directly, so there is no path to build:
one signature decides whether it is ours, and before that nothing in it is believed. Whether it
was revoked is not asked here; the caller looks its serial up.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from enlist.core.clock import from_datetime
from enlist.pki import spiffe
from enlist.pki.authority import Authority, serial_text, signed_by


class Flaw(StrEnum):
    """Why a presented certificate proves nothing."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    WRONG_PURPOSE = "wrong_purpose"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """A device of ours, if its serial was not revoked.

    `serial` and `fingerprint` are written as in `IssuedCertificate`; `not_after` is in
    microseconds UTC.
    """

    device_id: str
    serial: str
    fingerprint: str
    not_after: int


@dataclass(frozen=True, slots=True)
class Flawed:
    """Not to be let in. `certificate` is whose it is, only where it is ours and out of date."""

    flaw: Flaw
    certificate: DeviceCertificate | None = None


def examine(der: bytes | None, authority: Authority, now: int) -> DeviceCertificate | Flawed:
    """Read the certificate that the peer proved to hold in its handshake; None if it sent none."""
    if der is None:
        return Flawed(Flaw.MISSING)
    try:
        certificate = x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion):
        return Flawed(Flaw.UNREADABLE)
    if not any(signed_by(certificate, each.issuing) for each in authority.issuers):
        return Flawed(Flaw.FOREIGN)
    device_id = _device_id(certificate, authority.trust_domain)
    if device_id is None:
        return Flawed(Flaw.WRONG_PURPOSE)
    not_after = from_datetime(certificate.not_valid_after_utc)
    found = DeviceCertificate(
        device_id=device_id,
        serial=serial_text(certificate.serial_number),
        fingerprint=hashlib.sha256(der).hexdigest(),
        not_after=not_after,
    )
    if now < from_datetime(certificate.not_valid_before_utc):
        return Flawed(Flaw.NOT_YET_VALID, found)
    if now >= not_after:  # at that very moment already, as OpenSSL and our store have it
        return Flawed(Flaw.EXPIRED, found)
    return found


def _device_id(certificate: x509.Certificate, trust_domain: str) -> str | None:
    """The device that our CA certified for client authentication; None for any other purpose."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage or len(uris) != 1:
        return None
    return spiffe.device_of(trust_domain, uris[0])
