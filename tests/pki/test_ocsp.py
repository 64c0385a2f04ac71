"""Questions and answers about single certificates, as OpenSSL asks and reads them (RFC 6960)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as rfc6960
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from enlist.core.clock import DAY, MINUTE, SECOND, to_datetime
from enlist.pki import ocsp
from enlist.pki.authority import Authority, IssuedCertificate
from enlist.pki.founding import create_authority
from enlist.pki.ocsp import Question, Responder
from enlist.pki.revocation import REASONS
from tests.pki.samples import NOW, Issue, OpenSsl, load


@dataclass(frozen=True)
class Line:
    serial: str
    revoked_at: int = NOW - MINUTE
    reason: str = "lost"


def request_for(
    authority: Authority,
    issued: IssuedCertificate,
    algorithm: hashes.HashAlgorithm | None = None,
    nonce: bytes | None = None,
) -> bytes:
    builder = rfc6960.OCSPRequestBuilder().add_certificate(
        x509.load_der_x509_certificate(issued.der), authority.issuing, algorithm or hashes.SHA256()
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def asked(request: bytes) -> Question:
    question = ocsp.read(request)
    assert question is not None
    return question


def responder(authority: Authority) -> Responder:
    return Responder(authority.issuers[0], NOW)


@pytest.mark.parametrize(
    ("revoked", "known", "says"),
    [
        (None, True, ": good"),
        (None, False, ": unknown"),
        (Line(""), True, ": revoked"),
    ],
)
def test_openssl_reads_and_verifies_each_answer(
    authority: Authority,
    issue: Issue,
    openssl: OpenSsl,
    tmp_path: Path,
    revoked: Line | None,
    known: bool,
    says: str,
) -> None:
    """With its own request and nonce, and nothing trusted but the root."""
    issued = issue()
    (tmp_path / "root.pem").write_text(authority.root_pem)
    (tmp_path / "issuing.pem").write_text(authority.issuing_pem)
    (tmp_path / "device.pem").write_text(issued.pem)
    about = ("-issuer", "issuing.pem", "-cert", "device.pem")
    openssl("ocsp", *about, "-reqout", "request.der")
    question = asked((tmp_path / "request.der").read_bytes())
    assert question.is_about(authority.issuers[0])
    answer = responder(authority).answer(question, revoked, known, NOW)
    (tmp_path / "answer.der").write_bytes(answer)
    trusting = ("-CAfile", "root.pem", "-verify_other", "issuing.pem")
    given = ("-respin", "answer.der", "-reqin", "request.der", "-attime", str(NOW // SECOND))
    # The nonce is that of the request, so none is to be added. How old an answer may be, it only
    # ever sees by the machine's clock.
    patience = ("-no_nonce", "-validity_period", "999999999")
    told = openssl("ocsp", *about, *given, *trusting, *patience)
    assert told.stderr == b"Response verify OK\n"
    assert says in told.stdout.decode()
    assert (b"Reason: keyCompromise" in told.stdout) == (revoked is not None)


@pytest.mark.parametrize("reason", [*REASONS, "anything else"])
def test_a_reason_is_told_as_in_the_list(authority: Authority, issue: Issue, reason: str) -> None:
    issued = issue()
    line = Line(issued.serial, NOW - MINUTE, reason)
    question = asked(request_for(authority, issued))
    answer = responder(authority).answer(question, line, True, NOW)
    found = rfc6960.load_der_ocsp_response(answer)
    assert found.certificate_status is rfc6960.OCSPCertStatus.REVOKED
    assert found.revocation_reason is REASONS.get(reason)
    assert found.revocation_time_utc == to_datetime(NOW - MINUTE).replace(microsecond=0)


@pytest.mark.parametrize(
    "algorithm",
    [hashes.SHA1(), hashes.SHA256(), hashes.SHA384()],  # noqa: S303 - what OpenSSL asks by
)
def test_the_question_is_repeated_as_it_was_asked(
    authority: Authority, issue: Issue, algorithm: hashes.HashAlgorithm
) -> None:
    """Serial, issuer by whatever hash, and nonce (RFC 9654)."""
    issued, nonce = issue(), bytes(range(32))
    question = asked(request_for(authority, issued, algorithm, nonce))
    assert question.is_about(authority.issuers[0])
    found = rfc6960.load_der_ocsp_response(responder(authority).answer(question, None, True, NOW))
    assert found.serial_number == int(issued.serial, 16)
    assert found.issuer_key_hash == question.request.issuer_key_hash
    assert found.issuer_name_hash == question.request.issuer_name_hash
    assert found.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    assert found.next_update_utc is not None
    assert found.this_update_utc < to_datetime(NOW) < found.next_update_utc


def test_without_a_nonce_there_is_none(authority: Authority, issue: Issue) -> None:
    question = asked(request_for(authority, issue()))
    found = rfc6960.load_der_ocsp_response(responder(authority).answer(question, None, True, NOW))
    assert len(found.extensions) == 0


@pytest.mark.parametrize("length", [0, 129])
def test_a_nonce_of_a_length_that_is_not_allowed_is_malformed(
    authority: Authority, issue: Issue, length: int
) -> None:
    assert ocsp.read(request_for(authority, issue(), nonce=bytes(length))) is None
    assert ocsp.read(request_for(authority, issue(), nonce=bytes(128))) is not None


def test_another_authority_is_not_answered_for(authority: Authority, issue: Issue) -> None:
    other = load(create_authority("Example Works", "enroll.example.com", NOW))
    question = asked(request_for(other, issue()))
    assert question.is_about(other.issuers[0])
    assert not question.is_about(authority.issuers[0])


def test_the_responder_is_certified_for_that_alone_and_for_a_day(
    authority: Authority, issue: Issue
) -> None:
    made = responder(authority)
    answer = made.answer(asked(request_for(authority, issue())), None, True, NOW)
    (certificate,) = rfc6960.load_der_ocsp_response(answer).certificates
    certificate.verify_directly_issued_by(authority.issuing)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    certificate.extensions.get_extension_for_class(x509.OCSPNoCheck)
    limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not limits.ca
    assert certificate.not_valid_after_utc == to_datetime(NOW + DAY).replace(microsecond=0)
    assert NOW < made.renew_at < NOW + DAY


@given(st.binary(max_size=200))
def test_what_is_no_question_is_none(data: bytes) -> None:
    assert ocsp.read(data) is None


def test_a_question_that_is_too_long_or_about_several_is_none(
    authority: Authority, issue: Issue, openssl: OpenSsl, tmp_path: Path
) -> None:
    request = request_for(authority, issue())
    assert ocsp.read(request + bytes(ocsp.LONGEST_REQUEST)) is None
    (tmp_path / "issuing.pem").write_text(authority.issuing_pem)
    both = ("-issuer", "issuing.pem", "-serial", "1", "-serial", "2")
    openssl("ocsp", *both, "-reqout", "two.der")
    assert ocsp.read((tmp_path / "two.der").read_bytes()) is None


def test_a_question_with_two_nonces_is_none(authority: Authority, issue: Issue) -> None:
    """X.509 extensions come once; anybody may ask, and none may make a fault."""
    nonce = x509.OCSPNonce(b"8 bytes.").public_bytes()
    request = request_for(authority, issue(), nonce=b"8 bytes.")
    extension = _der(0x30, _der(0x06, bytes.fromhex("2b0601050507300102")) + _der(0x04, nonce))
    once = _der(0xA2, _der(0x30, extension))
    assert request.endswith(once)
    body = request[: -len(once)]
    questions = body[body.index(b"\x30", body.index(b"\x30", 1) + 1) :]
    twice = _der(0x30, _der(0x30, questions + _der(0xA2, _der(0x30, extension * 2))))
    assert ocsp.read(_der(0x30, _der(0x30, questions + once))) is not None
    assert ocsp.read(twice) is None


def test_a_question_by_a_hash_that_nobody_knows_is_none(authority: Authority, issue: Issue) -> None:
    """It is read as far as that, and then there is no answer to be made."""
    request = request_for(authority, issue())
    sha256, unknown = (bytes.fromhex(f"0609608648016503040{each}") for each in ("201", "27f"))
    assert request.count(sha256) == 1
    assert ocsp.read(request.replace(sha256, unknown)) is None


def test_a_question_about_a_negative_serial_is_none(authority: Authority, issue: Issue) -> None:
    """No certificate has one, and an answer about it cannot be made: that would be a fault."""
    issued = issue()
    request = request_for(authority, issued)
    serial = bytes.fromhex(issued.serial)
    assert request.count(serial) == 1
    negative = bytes([serial[0] | 0x80]) + serial[1:]
    assert ocsp.read(request.replace(serial, negative)) is None


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag, size] if size < 128 else [tag, 0x81, size]) + content
