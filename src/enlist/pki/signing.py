"""Signing for many devices at once: a batch that may be shared with others.

Checking a request and signing a certificate is the slow part of redeeming. Whoever has a batch of
them says so in one call; the server may hand a share to other processes (see `wiring.signers`),
everybody else does it all alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from enlist.core.outcomes import Refusal
from enlist.pki.authority import Authority, IssuedCertificate
from enlist.pki.csr import Csr, check
from enlist.pki.profiles import PkiUrls


@dataclass(frozen=True, slots=True)
class Order:
    """A certificate that is wanted: for which device, and for the key of which request."""

    device_id: str
    csr: Csr


@dataclass(frozen=True, slots=True)
class Terms:
    """What is alike for all certificates of a batch.

    Attributes:
        now, lifetime: microseconds, as for `Authority.issue_device`.
    """

    now: int
    lifetime: int
    urls: PkiUrls


Signed = IssuedCertificate | Refusal
"""A certificate, or `csr_invalid` with a sentence that says what to change (S28)."""

Signing = Callable[[Authority, Sequence[Order], Terms], Sequence[Signed]]
"""Answers each order, in their order; raises `AuthorityExpired`."""


def sign_alone(authority: Authority, orders: Sequence[Order], terms: Terms) -> list[Signed]:
    """One after the other, here."""
    return [_sign(authority, order, terms) for order in orders]


def _sign(authority: Authority, order: Order, terms: Terms) -> Signed:
    problem = check(order.csr)
    if problem is not None:
        return problem
    return authority.issue_device(order.device_id, order.csr, terms.now, terms.lifetime, terms.urls)
