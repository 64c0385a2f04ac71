"""Completion by certificate: the device brings a request (CSR), and gets a certificate.

The certificate is signed before the claim, becomes real in it, and is handed out after the
commit; a lost race discards it unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from enlist.core.clock import Clock
from enlist.core.ids import Id, new_id
from enlist.core.outcomes import Refusal
from enlist.pki.authority import Authority
from enlist.pki.csr import Csr
from enlist.pki.profiles import PkiUrls
from enlist.pki.signing import Order, Signed, Signing, Terms
from enlist.store.credentials import NewCertificate


class Issuing(Protocol):
    """The narrow part of the tools that signing needs."""

    @property
    def clock(self) -> Clock: ...
    @property
    def authority(self) -> Authority: ...
    @property
    def signing(self) -> Signing: ...
    @property
    def pki_urls(self) -> PkiUrls: ...
    @property
    def certificate_lifetime(self) -> int: ...


def prepare(tools: Issuing, csr: Csr, device_id: Id) -> NewCertificate | Refusal:
    """A signed certificate for the device, not yet real.

    Refusals: `csr_invalid`, with a sentence that says what to change (S28).
    """
    return prepare_each(tools, [Order(device_id, csr)])[0]


def prepare_each(tools: Issuing, orders: Sequence[Order]) -> list[NewCertificate | Refusal]:
    """The same for many devices at once, each by itself."""
    if not orders:
        return []
    now = tools.clock()
    terms = Terms(now, tools.certificate_lifetime, tools.pki_urls)
    return [_prepared(signed, now) for signed in tools.signing(tools.authority, orders, terms)]


def _prepared(signed: Signed, now: int) -> NewCertificate | Refusal:
    if isinstance(signed, Refusal):
        return signed
    return NewCertificate(
        id=new_id(now),
        serial=signed.serial,
        fingerprint=signed.fingerprint,
        key_digest=signed.spki_digest,
        certificate=signed.pem,
        not_before=signed.not_before,
        not_after=signed.not_after,
    )
