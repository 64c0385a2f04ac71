"""Revocation lists (RFC 5280 section 5), for relying parties that are not Enlist.

Enlist itself asks its store; a list is for proxies and others who see only the certificate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from cryptography import x509

from enlist.core.clock import to_datetime
from enlist.pki.authority import BACK_DATED, whole_second

_Flag = x509.ReasonFlags

REASONS: Final = {
    "revoked": _Flag.privilege_withdrawn,
    "blocked": _Flag.privilege_withdrawn,
    "denied": _Flag.privilege_withdrawn,
    "reset": _Flag.superseded,
    "replaced": _Flag.superseded,
    "renewed": _Flag.superseded,
    "new_device": _Flag.superseded,
    "corrupted": _Flag.superseded,
    "reassigned": _Flag.affiliation_changed,
    "deleted": _Flag.cessation_of_operation,
    "unenrolled": _Flag.cessation_of_operation,
    "offboarded": _Flag.cessation_of_operation,
    "lost": _Flag.key_compromise,
    "stolen": _Flag.key_compromise,
    "compromised": _Flag.key_compromise,
}
"""Enlist's reasons in RFC 5280's words (section 5.3.1). Any other reason is left out, as that
section asks for what is unspecified. Nothing becomes *hold*: Enlist never lifts a revocation."""


class Revoked(Protocol):
    """A certificate to be listed."""

    @property
    def serial(self) -> str:
        """Hexadecimal."""

    @property
    def revoked_at(self) -> int:
        """Microseconds UTC."""

    @property
    def reason(self) -> str:
        """A key of `REASONS`, or any other text."""


class Signing(Protocol):
    """An issuing CA, or an authority that has one."""

    def sign_revocation_list(self, builder: x509.CertificateRevocationListBuilder) -> bytes:
        """Its name and signature on a list; DER."""


def build_crl(authority: Signing, revoked: Iterable[Revoked], now: int, lifetime: int) -> bytes:
    """The revocation list of an issuing CA, DER. That it may name what others signed does no harm:
    serials are random.

    Its number is `now`, so that a later list always has the higher one, whichever process made
    it, without anything to remember (section 5.2.3).

    Args:
        lifetime: microseconds until a newer list must be there.
    """
    builder = (
        # All at once: adding them one by one copies the list each time.
        x509.CertificateRevocationListBuilder(revoked_certificates=[_line(e) for e in revoked])
        .last_update(to_datetime(whole_second(now - BACK_DATED)))
        .next_update(to_datetime(whole_second(now + lifetime)))
        .add_extension(x509.CRLNumber(now), critical=False)
    )
    return authority.sign_revocation_list(builder)


def _line(entry: Revoked) -> x509.RevokedCertificate:
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(int(entry.serial, 16))
        .revocation_date(to_datetime(whole_second(entry.revoked_at)))
    )
    reason = REASONS.get(entry.reason)
    if reason is not None:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    return builder.build()
