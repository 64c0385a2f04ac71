"""Revocation lists as OpenSSL reads them (RFC 5280 section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from enlist.core.clock import DAY, MINUTE, SECOND, to_datetime
from enlist.pki.authority import Authority
from enlist.pki.founding import create_authority
from enlist.pki.revocation import REASONS, build_crl
from tests.pki.samples import NOW, Issue, OpenSsl, load

HOUR_AGO = NOW - 60 * MINUTE


@dataclass(frozen=True)
class Line:
    serial: str
    revoked_at: int = HOUR_AGO
    reason: str = "reset"


def listed(der: bytes) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(der)


def test_openssl_verifies_the_list_and_finds_the_serial(
    authority: Authority, issue: Issue, openssl: OpenSsl, tmp_path: Path
) -> None:
    revoked = issue()
    (tmp_path / "list.crl").write_bytes(build_crl(authority, [Line(revoked.serial)], NOW, DAY))
    (tmp_path / "ca.pem").write_text(authority.chain_pem)
    read = openssl(
        "crl", "-inform", "DER", "-in", "list.crl", "-CAfile", "ca.pem", "-text", "-noout"
    )
    text = read.stdout.decode()

    assert b"verify OK" in read.stderr
    assert f"Serial Number: {revoked.serial.upper()}" in text
    assert "Superseded" in text
    assert "X509v3 CRL Number" in text


def test_a_list_of_another_authority_does_not_verify(
    authority: Authority, openssl: OpenSsl, tmp_path: Path
) -> None:
    other = load(create_authority("Example Works", "enroll.example.com", NOW))
    (tmp_path / "list.crl").write_bytes(build_crl(other, [], NOW, DAY))
    (tmp_path / "ca.pem").write_text(authority.chain_pem)
    read = openssl("crl", "-inform", "DER", "-in", "list.crl", "-CAfile", "ca.pem", "-noout")

    assert b"verify OK" not in read.stderr


def test_openssl_refuses_a_revoked_certificate_and_no_other(
    authority: Authority, issue: Issue, openssl: OpenSsl, tmp_path: Path
) -> None:
    revoked, good = issue(), issue()
    crl = listed(build_crl(authority, [Line(revoked.serial)], NOW, DAY))
    (tmp_path / "list.pem").write_bytes(crl.public_bytes(Encoding.PEM))
    (tmp_path / "root.pem").write_text(authority.root_pem)
    (tmp_path / "issuing.pem").write_text(authority.issuing_pem)
    options = ("-x509_strict", "-attime", str(NOW // SECOND), "-CAfile", "root.pem")
    lists = ("-untrusted", "issuing.pem", "-crl_check", "-CRLfile", "list.pem")

    assert (
        b"certificate revoked"
        in openssl("verify", *options, *lists, stdin=revoked.pem.encode()).stderr
    )
    assert openssl("verify", *options, *lists, stdin=good.pem.encode()).stdout == b"stdin: OK\n"


def test_an_empty_list_says_who_when_and_which(authority: Authority) -> None:
    crl = listed(build_crl(authority, [], NOW, 7 * DAY))
    issuer = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = authority.issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    second = NOW - NOW % SECOND

    assert len(crl) == 0
    assert crl.issuer == authority.issuing.subject
    assert crl.last_update_utc == to_datetime(second - MINUTE)
    assert crl.next_update_utc == to_datetime(second + 7 * DAY)
    assert issuer.key_identifier == own.digest
    assert _number(crl) == NOW


def test_a_later_list_has_a_higher_number(authority: Authority) -> None:
    earlier, later = (listed(build_crl(authority, [], at, DAY)) for at in (NOW, NOW + 1))
    assert _number(later) > _number(earlier)


@pytest.mark.parametrize(
    ("reason", "flag"),
    [
        ("reset", x509.ReasonFlags.superseded),
        ("revoked", x509.ReasonFlags.privilege_withdrawn),
        ("deleted", x509.ReasonFlags.cessation_of_operation),
        ("stolen", x509.ReasonFlags.key_compromise),
        ("reassigned", x509.ReasonFlags.affiliation_changed),
        ("", None),
        ("bad weather", None),
    ],
)
def test_reasons_are_said_in_the_words_of_the_rfc(
    reason: str, flag: x509.ReasonFlags | None, authority: Authority
) -> None:
    (line,) = listed(build_crl(authority, [Line("ab", reason=reason)], NOW, DAY))
    found = [e.value.reason for e in line.extensions if isinstance(e.value, x509.CRLReason)]

    assert found == ([] if flag is None else [flag])
    assert line.serial_number == 0xAB
    assert line.revocation_date_utc == to_datetime(HOUR_AGO - HOUR_AGO % SECOND)


def test_no_reason_could_be_taken_back() -> None:
    hold = {x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl}
    assert not hold & set(REASONS.values())


def test_a_list_of_many_holds_them_all(authority: Authority) -> None:
    serials = {1 << 126 | n for n in range(5_000)}
    crl = listed(build_crl(authority, [Line(f"{n:032x}") for n in serials], NOW, DAY))

    assert {line.serial_number for line in crl} == serials


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
