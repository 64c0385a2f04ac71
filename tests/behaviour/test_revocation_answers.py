"""What OCSP answers about the certificates of an installation, on each store."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from enlist.core.clock import DAY, to_datetime
from enlist.store.tx import StoreUnavailable
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.reset import Reset
from enlist.verbs.revocation_answers import RevocationAnswers
from enlist.wiring.keys import TAKEN_UP, rotate
from tests.connections import Enrolled, enrolled
from tests.installation import SHOWN, Enlist

Asked = tuple[str, ocsp.OCSPResponse]


@pytest.fixture
def answers(enlist: Enlist) -> RevocationAnswers:
    return RevocationAnswers(enlist.store, enlist.installation.tools)


def certificate_of(enlist: Enlist, device: Enrolled) -> x509.Certificate:
    pem = enlist.credentials_of(device.device_id)[0].certificate
    return x509.load_pem_x509_certificate(pem.encode())


def request_for(serial: int, issuing: x509.Certificate) -> bytes:
    """A question about the certificate of this number that this CA is said to have signed."""
    key = issuing.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    name, key_hash = (sha256(data).digest() for data in (issuing.subject.public_bytes(), point))
    builder = ocsp.OCSPRequestBuilder()
    builder = builder.add_certificate_by_hash(name, key_hash, serial, SHA256())
    return builder.build().public_bytes(Encoding.DER)


def ask(answers: RevocationAnswers, der: bytes) -> Asked:
    found = answers.answer(der)
    return found.told, ocsp.load_der_ocsp_response(found.der)


def test_a_certificate_is_good_until_the_moment_that_ends_it(
    enlist: Enlist, answers: RevocationAnswers
) -> None:
    """Also when the device that held it is gone for good, and never good again."""
    device, issuing = enrolled(enlist), enlist.installation.tools.authority.issuing
    request = request_for(certificate_of(enlist, device).serial_number, issuing)
    assert ask(answers, request)[0] == "good"
    enlist.do(Reset(device.device_id, "compromised", SHOWN))
    told, answer = ask(answers, request)
    assert told == "revoked"
    assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert answer.revocation_reason is x509.ReasonFlags.key_compromise
    assert answer.revocation_time_utc == to_datetime(enlist.clock.now)
    enlist.do(DeleteDevice(device.device_id))
    enlist.clock.advance(hours=400 * 24)
    assert ask(answers, request)[0] == "revoked"


def test_what_our_authority_never_signed_is_unknown(
    enlist: Enlist, answers: RevocationAnswers
) -> None:
    """A serial of somebody else's must not look good because nobody revoked it."""
    told, answer = ask(answers, request_for(4711, enlist.installation.tools.authority.issuing))
    assert told == "unknown"
    assert answer.certificate_status is ocsp.OCSPCertStatus.UNKNOWN


def test_each_issuing_ca_answers_for_its_own(enlist: Enlist, answers: RevocationAnswers) -> None:
    """The responder of one says nothing of what another one signed (RFC 6960 4.2.2.2)."""
    old = certificate_of(enlist, enrolled(enlist))
    rotate(enlist.installation, enlist.settings, "ca")
    enlist.clock.advance(microseconds=TAKEN_UP)
    again = enlist.again()
    try:
        later = RevocationAnswers(again.store, again.installation.tools)
        new = certificate_of(again, enrolled(again, "grace", 1))
        authority = again.installation.tools.authority
        first, second = (
            next(i for i in authority.issuers if i.issuing.subject == each.issuer).issuing
            for each in (old, new)
        )
        assert first != second
        for certificate, issuing, expected in (
            (old, first, "good"),
            (new, second, "good"),
            (old, second, "unknown"),
            (new, first, "unknown"),
        ):
            told, answer = ask(later, request_for(certificate.serial_number, issuing))
            assert told == expected
            (responder,) = answer.certificates
            responder.verify_directly_issued_by(issuing)
    finally:
        again.close()


def test_the_responder_is_certified_anew_before_its_day_is_over(
    enlist: Enlist, answers: RevocationAnswers
) -> None:
    request = request_for(1, enlist.installation.tools.authority.issuing)
    seen = []
    for _ in range(5):
        (responder,) = ask(answers, request)[1].certificates
        assert responder.not_valid_after_utc > to_datetime(enlist.clock.now + DAY // 4)
        seen.append(responder.serial_number)
        enlist.clock.advance(hours=6)
    assert seen[0] == seen[1] != seen[2] == seen[3] != seen[4]


def test_what_cannot_be_answered_is_said_without_a_signature(
    enlist: Enlist, answers: RevocationAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = enlist.installation.tools
    request = request_for(1, tools.authority.issuing)
    assert ask(answers, b"nothing")[0] == "malformed_request"
    assert ask(answers, request_for(1, tools.authority.root))[0] == "unauthorized"

    def away(*_: object, **__: object) -> object:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(enlist.store, "read", away)
        assert ask(answers, request)[0] == "try_later"
    late = replace(tools, clock=lambda: tools.authority.not_after)
    assert ask(RevocationAnswers(enlist.store, late), request)[0] == "unauthorized"
