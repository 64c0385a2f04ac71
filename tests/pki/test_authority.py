"""What the authority and its certificates say, in OpenSSL's eyes as well (S62)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
)

from enlist.core.clock import DAY, MINUTE, SECOND, from_datetime
from enlist.pki.authority import Authority, AuthorityExpired, load_authority, load_issuer
from enlist.pki.csr import Csr
from enlist.pki.founding import AuthorityMaterial, create_authority, create_issuer
from enlist.pki.keys import new_signing_key, spki_digest
from tests.pki.samples import (
    DEVICE,
    NOW,
    URLS,
    YEAR,
    Issue,
    OpenSsl,
    load,
    new_key,
    read,
    request_der,
    request_of,
)

HOSTS = ["enroll.example.com", "localhost", "127.0.0.1", "::1"]
AT = str(NOW // SECOND)
ExtensionValue = TypeVar("ExtensionValue", bound=x509.ExtensionType)


@pytest.fixture
def chain(authority: Authority, tmp_path: Path) -> tuple[str, ...]:
    """Options for `openssl verify`: our root is trusted, the issuing CA comes along."""
    (tmp_path / "root.pem").write_text(authority.root_pem)
    (tmp_path / "issuing.pem").write_text(authority.issuing_pem)
    return ("-x509_strict", "-attime", AT, "-CAfile", "root.pem", "-untrusted", "issuing.pem")


# --- the authority itself ---------------------------------------------------------------------


def test_both_cas_are_p256_and_say_what_they_are(authority: Authority) -> None:
    for ca, name, path_length in (
        (authority.root, "Example Works Root CA", 1),
        (authority.issuing, "Example Works Issuing CA", 0),
    ):
        key = ca.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"
        assert ca.subject.rfc4514_string() == f"CN={name},O=Example Works"
        constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert constraints.value == x509.BasicConstraints(ca=True, path_length=path_length)
        usage = ca.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert (usage.value.key_cert_sign, usage.value.crl_sign) == (True, True)
        assert not usage.value.digital_signature
    assert _key_of_issuer(authority.issuing) == _own_key(authority.root)
    assert authority.trust_domain == "enroll.example.com"


def test_parts_that_do_not_belong_together_are_refused(material: AuthorityMaterial) -> None:
    other = create_authority("Example Works", "enroll.example.com", NOW)
    root, issuing, key = (
        material.root_certificate,
        material.issuing_certificate,
        material.issuing_key,
    )
    with pytest.raises(ValueError, match="issuing key"):
        load_authority(root, issuing, other.issuing_key)
    with pytest.raises(ValueError, match="not signed by the root"):
        load_authority(other.root_certificate, issuing, key)
    with pytest.raises(ValueError, match=r"PEM|private key"):
        load_authority(root, issuing, b"garbage")


def test_pkcs7_holds_both_cas(authority: Authority, openssl: OpenSsl) -> None:
    bundle = authority.certificates_pkcs7()
    printed = openssl("pkcs7", "-inform", "DER", "-print_certs", stdin=bundle).stdout

    assert set(pkcs7.load_der_pkcs7_certificates(bundle)) == {authority.root, authority.issuing}
    assert printed.count(b"BEGIN CERTIFICATE") == 2


def test_the_chain_is_issuing_then_root(authority: Authority) -> None:
    found = x509.load_pem_x509_certificates(authority.chain_pem.encode())
    assert found == [authority.issuing, authority.root]


def test_a_certificate_keeps_the_chain_of_whoever_signed_it(
    material: AuthorityMaterial, csr: Csr
) -> None:
    """X23: also where a newer issuing CA took over before the answer."""
    ours = load(material)
    before = ours.issue_device(DEVICE, csr, NOW, YEAR, URLS)
    old_chain = ours.chain_of(before.pem)
    made = create_issuer(material.root_certificate, material.root_key, ours.issuing, "second", NOW)
    newer = load_issuer(ours.root, *made, "second")
    ours.take_up(Authority(ours.root, (newer, *ours.issuers)))
    after = ours.issue_device(DEVICE, csr, NOW, YEAR, URLS)
    assert ours.chain_of(before.pem) == old_chain == ours.issuers[1].issuing_pem + ours.root_pem
    assert ours.chain_of(after.pem) == ours.chain_of("") == ours.chain_pem != old_chain


# --- certificates of devices ------------------------------------------------------------------


def test_a_device_certificate_verifies_in_openssl_for_clients_only(
    issue: Issue, openssl: OpenSsl, chain: tuple[str, ...]
) -> None:
    leaf = issue().pem.encode()
    as_client = openssl("verify", *chain, "-purpose", "sslclient", stdin=leaf)
    as_server = openssl("verify", *chain, "-purpose", "sslserver", stdin=leaf)

    assert as_client.stdout == b"stdin: OK\n", as_client.stderr
    assert b"unsuitable certificate purpose" in as_server.stderr


def test_a_device_cannot_sign_certificates(
    authority: Authority, issue: Issue, ec_key: ec.EllipticCurvePrivateKey,
    openssl: OpenSsl, chain: tuple[str, ...], tmp_path: Path
) -> None:  # fmt: skip
    device = x509.load_der_x509_certificate(issue().der)
    forged = (
        x509.CertificateBuilder(issuer_name=device.subject, subject_name=device.subject)
        .public_key(ec_key.public_key())
        .serial_number(7)
        .not_valid_before(device.not_valid_before_utc)
        .not_valid_after(device.not_valid_after_utc)
        .sign(ec_key, SHA256())
    )
    (tmp_path / "issuing.pem").write_text(authority.issuing_pem + issue().pem)
    verdict = openssl("verify", *chain, stdin=forged.public_bytes(Encoding.PEM))

    assert verdict.returncode != 0


def test_what_a_device_certificate_says(issue: Issue, authority: Authority, csr: Csr) -> None:
    """The whole profile; an extension more or less fails here."""
    issued = issue()
    certificate = x509.load_der_x509_certificate(issued.der)
    critical = {e.value: e.critical for e in certificate.extensions}

    assert certificate.subject.rfc4514_string() == f"CN={DEVICE}"
    assert certificate.issuer == authority.issuing.subject
    assert certificate.public_key() == csr.public_key
    assert {type(value): flag for value, flag in critical.items()} == {
        x509.BasicConstraints: True,
        x509.KeyUsage: True,
        x509.ExtendedKeyUsage: False,
        x509.CRLDistributionPoints: False,
        x509.AuthorityInformationAccess: False,
        x509.AuthorityKeyIdentifier: False,
        x509.SubjectKeyIdentifier: False,
        x509.SubjectAlternativeName: False,
    }
    assert _value(certificate, x509.BasicConstraints) == x509.BasicConstraints(False, None)
    assert _usages(certificate) == {"digital_signature"}
    assert list(_value(certificate, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert list(_value(certificate, x509.SubjectAlternativeName)) == [
        x509.UniformResourceIdentifier(f"spiffe://enroll.example.com/device/{DEVICE}")
    ]
    assert _key_of_issuer(certificate) == _own_key(authority.issuing)
    assert _own_key(certificate) == csr.spki_digest[:20]


def test_a_device_certificate_says_where_the_list_and_its_issuer_are(issue: Issue) -> None:
    certificate = x509.load_der_x509_certificate(issue().der)
    (point,) = _value(certificate, x509.CRLDistributionPoints)
    asked, access = _value(certificate, x509.AuthorityInformationAccess)

    assert point.full_name == [
        x509.UniformResourceIdentifier("http://enroll.example.com/pki/issuing.crl")
    ]
    assert asked.access_method == AuthorityInformationAccessOID.OCSP
    assert asked.access_location.value == "http://enroll.example.com/pki/ocsp"
    assert access.access_method == AuthorityInformationAccessOID.CA_ISSUERS
    assert access.access_location.value == "http://enroll.example.com/pki/issuing.cer"


def test_nothing_that_a_request_asks_for_is_granted(
    authority: Authority, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    greedy = request_of(
        ec_key,
        "admin",
        [
            x509.BasicConstraints(ca=True, path_length=None),
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING]
            ),
            x509.SubjectAlternativeName(
                [
                    x509.DNSName("enroll.example.com"),
                    x509.UniformResourceIdentifier("spiffe://enroll.example.com/device/other"),
                ]
            ),
        ],
    )
    modest = request_of(ec_key)
    found = [
        _described(authority.issue_device(DEVICE, request, NOW, YEAR, URLS).der)
        for request in (greedy, modest)
    ]

    assert found[0] == found[1]


@pytest.mark.parametrize("kind", ["p384", "p521", "ed25519", "rsa"])
def test_every_kind_of_key_gets_a_certificate(
    kind: str,
    authority: Authority,
    openssl: OpenSsl,
    chain: tuple[str, ...],
) -> None:
    issued = authority.issue_device(DEVICE, request_of(new_key(kind)), NOW, YEAR, URLS)
    verdict = openssl("verify", *chain, "-purpose", "sslclient", stdin=issued.pem.encode())

    assert verdict.stdout == b"stdin: OK\n", verdict.stderr


def test_what_is_returned_is_what_the_certificate_says(issue: Issue, openssl: OpenSsl) -> None:
    issued = issue()
    certificate = x509.load_der_x509_certificate(issued.der)
    printed = openssl(
        "x509", "-noout", "-serial", "-fingerprint", "-sha256", stdin=issued.pem.encode()
    )
    serial, fingerprint = printed.stdout.decode().splitlines()

    assert serial == f"serial={issued.serial.upper()}"
    assert fingerprint.split("=")[1].replace(":", "").lower() == issued.fingerprint
    assert from_datetime(certificate.not_valid_before_utc) == issued.not_before
    assert from_datetime(certificate.not_valid_after_utc) == issued.not_after
    assert spki_digest(certificate.public_key()) == issued.spki_digest


def test_validity_begins_a_minute_ago_and_ends_on_time(issue: Issue) -> None:
    issued = issue(lifetime=90 * DAY)
    second = NOW - NOW % SECOND

    assert issued.not_before == second - MINUTE
    assert issued.not_after == second + 90 * DAY


def test_no_certificate_outlives_its_issuer(authority: Authority, issue: Issue) -> None:
    last = authority.not_after - DAY

    assert issue(now=last, lifetime=YEAR).not_after == authority.not_after
    with pytest.raises(AuthorityExpired):
        issue(now=authority.not_after)


def test_serials_are_126_random_bits_of_one_length(issue: Issue) -> None:
    serials = [issue().serial for _ in range(200)]
    numbers = [int(serial, 16) for serial in serials]
    everywhere = (1 << 126) - 1
    ever_set = ever_clear = 0
    for number in numbers:
        ever_set |= number
        ever_clear |= ~number

    assert len(set(serials)) == 200
    assert all(re.fullmatch("[4-7][0-9a-f]{31}", serial) for serial in serials)
    assert ever_set & everywhere == everywhere, "a bit that is never set is not random"
    assert ever_clear & everywhere == everywhere, "a bit that is always set is not random"


def test_an_unchecked_request_never_becomes_a_certificate(authority: Authority) -> None:
    whole = request_der(ec.generate_private_key(ec.SECP256R1()), "alice")
    unproved = read(whole.replace(b"alice", b"mallo"))

    with pytest.raises(ValueError, match="signature"):
        authority.issue_device(DEVICE, unproved, NOW, YEAR, URLS)


@pytest.mark.parametrize("device_id", ["", "..", "a/b", "a b", "ä", "a" * 65, "a\n"])
def test_a_device_id_that_is_no_path_segment_is_refused(device_id: str, issue: Issue) -> None:
    with pytest.raises(ValueError, match="device id"):
        issue(device_id=device_id)


def test_each_address_has_its_own_template(authority: Authority, csr: Csr) -> None:
    other = type(URLS).under("http://other.example/p/")
    first = authority.issue_device(DEVICE, csr, NOW, YEAR, URLS)
    second = authority.issue_device(DEVICE, csr, NOW, YEAR, other)

    assert b"http://enroll.example.com/pki/issuing.crl" in first.der
    assert b"http://other.example/p/issuing.crl" in second.der
    assert b"enroll.example.com/pki" not in second.der


# --- certificates of servers ------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTS)
def test_a_server_certificate_fits_each_of_its_names(
    name: str,
    authority: Authority,
    rsa_key: rsa.RSAPrivateKey,
    openssl: OpenSsl,
    chain: tuple[str, ...],
) -> None:
    leaf = authority.issue_server(HOSTS, rsa_key, NOW, YEAR).pem.encode()
    option = "-verify_ip" if ":" in name or name[0].isdigit() else "-verify_hostname"
    verdict = openssl("verify", *chain, "-purpose", "sslserver", option, name, stdin=leaf)
    stranger = openssl("verify", *chain, "-verify_hostname", "other.example", stdin=leaf)
    as_client = openssl("verify", *chain, "-purpose", "sslclient", stdin=leaf)

    assert verdict.stdout == b"stdin: OK\n", verdict.stderr
    assert b"hostname mismatch" in stranger.stderr
    assert as_client.returncode != 0


def test_what_a_server_certificate_says(authority: Authority, rsa_key: rsa.RSAPrivateKey) -> None:
    of_rsa = x509.load_der_x509_certificate(authority.issue_server(HOSTS, rsa_key, NOW, YEAR).der)
    of_ec = x509.load_der_x509_certificate(
        authority.issue_server(
            ["Bücher.example", "Bücher.example"], new_signing_key(), NOW, YEAR
        ).der
    )

    assert _usages(of_rsa) == {"digital_signature", "key_encipherment"}
    assert _usages(of_ec) == {"digital_signature"}
    assert not _value(of_rsa, x509.BasicConstraints).ca
    assert list(_value(of_rsa, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert list(_value(of_ec, x509.SubjectAlternativeName)) == [
        x509.DNSName("xn--bcher-kva.example")
    ]


def test_renewing_a_server_certificate_keeps_the_key(
    authority: Authority, rsa_key: rsa.RSAPrivateKey
) -> None:
    first = authority.issue_server(HOSTS, rsa_key, NOW, 90 * DAY)
    second = authority.issue_server(HOSTS, rsa_key, NOW + 60 * DAY, 90 * DAY)

    assert first.spki_digest == second.spki_digest == spki_digest(rsa_key.public_key())
    assert first.serial != second.serial
    assert second.not_after - first.not_after == 60 * DAY


def test_a_name_too_long_for_a_subject_still_gets_a_certificate(authority: Authority) -> None:
    name = f"{'a' * 60}.{'b' * 60}.example"
    found = authority.issue_server([name], new_signing_key(), NOW, YEAR)

    assert x509.DNSName(name) in list(
        _value(x509.load_der_x509_certificate(found.der), x509.SubjectAlternativeName)
    )


def test_a_server_without_a_name_is_refused(authority: Authority) -> None:
    with pytest.raises(ValueError, match="name"):
        authority.issue_server([], new_signing_key(), NOW, YEAR)


def _described(der: bytes) -> dict[str, object]:
    """Everything in a certificate that could have come from its request."""
    certificate = x509.load_der_x509_certificate(der)
    return {
        "subject": certificate.subject,
        "key": certificate.public_key(),
        "extensions": [(e.oid, e.critical, e.value) for e in certificate.extensions],
    }


def _value(certificate: x509.Certificate, kind: type[ExtensionValue]) -> ExtensionValue:
    return certificate.extensions.get_extension_for_class(kind).value


def _usages(certificate: x509.Certificate) -> set[str]:
    usage = _value(certificate, x509.KeyUsage)
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    more = ("key_agreement", "key_cert_sign", "crl_sign")
    return {name for name in names + more if getattr(usage, name)}


def _own_key(certificate: x509.Certificate) -> bytes:
    return _value(certificate, x509.SubjectKeyIdentifier).digest


def _key_of_issuer(certificate: x509.Certificate) -> bytes | None:
    return _value(certificate, x509.AuthorityKeyIdentifier).key_identifier
