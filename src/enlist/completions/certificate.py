"""Completion by certificate: the device brings a request (CSR), and gets a certificate.

The certificate is signed before the claim, becomes real in it, and is handed out after the
commit; a lost race discards it unseen.
"""

from __future__ import annotations

from typing import Protocol

from enlist.core.ids import Id, new_id
from enlist.core.outcomes import Refusal
from enlist.pki.authority import Authority
from enlist.pki.csr import Csr, check
from enlist.pki.profiles import PkiUrls
from enlist.store.credentials import NewCertificate


class Issuing(Protocol):
    """The narrow part of the tools that signing needs."""

    @property
    def authority(self) -> Authority: ...
    @property
    def pki_urls(self) -> PkiUrls: ...
    @property
    def certificate_lifetime(self) -> int: ...


def prepare(tools: Issuing, csr: Csr, device_id: Id, now: int) -> NewCertificate | Refusal:
    """A signed certificate for the device, not yet real.

    Refusals: `csr_invalid`, with a sentence that says what to change (S28).
    """
    problem = check(csr)
    if problem is not None:
        return problem
    issued = tools.authority.issue_device(
        device_id, csr, now, tools.certificate_lifetime, tools.pki_urls
    )
    return NewCertificate(
        id=new_id(now),
        serial=issued.serial,
        fingerprint=issued.fingerprint,
        key_digest=issued.spki_digest,
        certificate=issued.pem,
        not_before=issued.not_before,
        not_after=issued.not_after,
    )
