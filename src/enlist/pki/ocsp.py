"""Answers to who asks how one certificate stands (OCSP: RFC 6960, 5019 and 9654).

An answer is signed by a responder that the issuing CA has certified for a day, not by the CA
itself, whose own certificate allows it certificates and lists alone. The responder's key is made in
memory and ends with the process: there is nothing to store, and nothing to take away.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from enlist.core.clock import DAY, MINUTE, to_datetime
from enlist.pki.authority import BACK_DATED, Issuer, whole_second
from enlist.pki.keys import new_signing_key
from enlist.pki.revocation import REASONS, Revoked

LONGEST_REQUEST: Final = 4_096
"""Bytes. A question about one certificate takes about a hundred."""
GOOD_FOR: Final = 5 * MINUTE
"""How long somebody who keeps an answer may go by it. Light clients want a limit (RFC 5019 2.2.4),
and whoever must know at once asks each time."""
RESPONDER_LIFETIME: Final = DAY

_LONGEST_NONCE: Final = 128


@dataclass(frozen=True, slots=True)
class Question:
    """Which certificate is meant, and what must come back with the answer.

    Attributes:
        nonce: the value of the client's nonce; None where it sent none (RFC 9654).
    """

    request: ocsp.OCSPRequest
    nonce: bytes | None

    @property
    def serial(self) -> int:
        """The certificate's serial number."""
        return self.request.serial_number

    def is_about(self, issuer: Issuer) -> bool:
        """Whether the certificate is said to be one of this issuing CA's."""
        name, key = _hashes(issuer.issuing, self.request.hash_algorithm.name)
        return (self.request.issuer_name_hash, self.request.issuer_key_hash) == (name, key)


def read(der: bytes) -> Question | None:
    """A question about one certificate; None for what is none, or several (RFC 5019 2.1.1)."""
    if len(der) > LONGEST_REQUEST:
        return None
    try:
        request = ocsp.load_der_ocsp_request(der)
        request.hash_algorithm  # noqa: B018 - raises for one that is not known
        found = [
            each.value for each in request.extensions if isinstance(each.value, x509.OCSPNonce)
        ]
    except (ValueError, NotImplementedError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return None
    if request.serial_number < 0:
        return None  # nobody signs one (RFC 5280 4.1.2.2), and no answer could repeat it
    nonce = found[0].nonce if found else None
    if nonce is not None and not 1 <= len(nonce) <= _LONGEST_NONCE:
        return None
    return Question(request, nonce)


def unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    """An answer that says why there is none; DER. It is never signed (RFC 6960 2.3)."""
    made = ocsp.OCSPResponseBuilder.build_unsuccessful(status)
    return made.public_bytes(Encoding.DER)


class Responder:
    """Signs answers about the certificates of one issuing CA, for as long as it is certified.

    Attributes:
        renew_at: from when on another one should be made, in microseconds UTC.
    """

    def __init__(self, issuer: Issuer, now: int) -> None:
        """Raises AuthorityExpired, see there."""
        self._key = new_signing_key()
        issued = issuer.issue_responder(self._key.public_key(), now, RESPONDER_LIFETIME)
        self._certificate = x509.load_der_x509_certificate(issued.der)
        self.renew_at = now + (issued.not_after - now) // 2

    def answer(self, question: Question, revoked: Revoked | None, known: bool, now: int) -> bytes:
        """How a certificate stands: *good*, *revoked* with its reason, or *unknown*; DER.

        Args:
            revoked: when it was revoked, and why; None where it was not.
            known: whether the issuing CA has signed it at all.
        """
        status = ocsp.OCSPCertStatus.GOOD if known else ocsp.OCSPCertStatus.UNKNOWN
        moment, reason = None, None
        if revoked is not None:
            status = ocsp.OCSPCertStatus.REVOKED
            moment = to_datetime(whole_second(revoked.revoked_at))
            reason = REASONS.get(revoked.reason)
        request = question.request
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            request.issuer_name_hash,
            request.issuer_key_hash,
            request.serial_number,
            request.hash_algorithm,
            status,
            to_datetime(whole_second(now - BACK_DATED)),
            to_datetime(whole_second(now + GOOD_FOR)),
            moment,
            reason,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self._certificate)
        builder = builder.certificates([self._certificate])
        if question.nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(question.nonce), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)


@functools.lru_cache(maxsize=64)
def _hashes(issuing: x509.Certificate, algorithm: str) -> tuple[bytes, bytes]:
    """Of an issuing CA's name and key (RFC 6960 4.1.1)."""
    key = issuing.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101 - `load_issuer`
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return _digest(algorithm, issuing.subject.public_bytes()), _digest(algorithm, point)


def _digest(algorithm: str, data: bytes) -> bytes:
    return hashlib.new(algorithm, data).digest()
