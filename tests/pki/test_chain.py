"""Who is let in with which certificate (S61, TP30); OpenSSL is asked the same where it can be."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from enlist.core.clock import DAY, MINUTE, SECOND, to_datetime
from enlist.pki.authority import Authority
from enlist.pki.chain import DeviceCertificate, Flaw, Flawed, examine
from enlist.pki.csr import Csr
from enlist.pki.founding import AuthorityMaterial, create_authority
from enlist.pki.keys import new_signing_key
from tests.fuzzing import effort
from tests.pki.samples import DEVICE, NOW, URLS, YEAR, Issue, OpenSsl, load
from tests.work import work_of


def flaw_of(der: bytes | None, authority: Authority, now: int = NOW) -> Flaw:
    found = examine(der, authority, now)
    assert isinstance(found, Flawed), found
    return found.flaw


def test_our_device_is_known_by_id_and_serial(authority: Authority, issue: Issue) -> None:
    issued = issue()

    assert examine(issued.der, authority, NOW) == DeviceCertificate(
        device_id=DEVICE,
        serial=issued.serial,
        fingerprint=issued.fingerprint,
        not_after=issued.not_after,
    )


def test_no_certificate_is_nobody(authority: Authority) -> None:
    assert flaw_of(None, authority) is Flaw.MISSING


def test_a_rogue_authority_of_the_same_name_is_foreign(authority: Authority, csr: Csr) -> None:
    rogue = load(create_authority("Example Works", "enroll.example.com", NOW))
    presented = rogue.issue_device(DEVICE, csr, NOW, YEAR, URLS)

    assert rogue.issuing.subject == authority.issuing.subject
    assert flaw_of(presented.der, authority) is Flaw.FOREIGN
    assert examine(presented.der, authority, NOW) == Flawed(Flaw.FOREIGN), "believed a stranger"
    assert isinstance(examine(presented.der, rogue, NOW), DeviceCertificate)


def test_a_self_signed_certificate_is_foreign(authority: Authority) -> None:
    assert flaw_of(authority.root.public_bytes(Encoding.DER), authority) is Flaw.FOREIGN


def test_a_changed_certificate_is_foreign(authority: Authority, issue: Issue) -> None:
    other = DEVICE.replace("0197a2c4", "0197a2c5")
    changed = issue().der.replace(DEVICE.encode(), other.encode())

    assert flaw_of(changed, authority) is Flaw.FOREIGN


def test_validity_has_two_ends(
    authority: Authority, issue: Issue, openssl: OpenSsl, tmp_path: Path
) -> None:
    """Tried within a second of both ends, and OpenSSL agrees."""
    issued = issue(lifetime=DAY)
    (tmp_path / "ca.pem").write_text(authority.chain_pem)
    for moment, flaw in (
        (issued.not_before - SECOND, Flaw.NOT_YET_VALID),
        (issued.not_before, None),
        (issued.not_after - SECOND, None),
        (issued.not_after, Flaw.EXPIRED),
    ):
        found = examine(issued.der, authority, moment)
        verdict = openssl(
            "verify", "-attime", str(moment // SECOND), "-partial_chain", "-CAfile", "ca.pem",
            stdin=issued.pem.encode(),
        )  # fmt: skip
        assert (found.flaw if isinstance(found, Flawed) else None) == flaw
        assert (verdict.returncode == 0) == (flaw is None), verdict.stderr


def test_an_expired_device_of_ours_is_still_told_apart(authority: Authority, issue: Issue) -> None:
    issued = issue(lifetime=DAY)
    found = examine(issued.der, authority, NOW + 2 * DAY)

    assert isinstance(found, Flawed)
    assert found.certificate is not None
    assert (found.certificate.device_id, found.certificate.serial) == (DEVICE, issued.serial)


def test_our_own_server_certificate_opens_nothing(authority: Authority) -> None:
    server = authority.issue_server(["localhost"], new_signing_key(), NOW, YEAR)
    assert flaw_of(server.der, authority) is Flaw.WRONG_PURPOSE


@pytest.mark.parametrize(
    ("usages", "names"),
    [
        ([ExtendedKeyUsageOID.SERVER_AUTH], [f"spiffe://enroll.example.com/device/{DEVICE}"]),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], [f"spiffe://other.example/device/{DEVICE}"]),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], [f"spiffe://enroll.example.com/server/{DEVICE}"]),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], [f"spiffe://enroll.example.com/device/{DEVICE}/x"]),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], ["spiffe://enroll.example.com/device/.."]),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], []),
        (
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            [
                f"spiffe://enroll.example.com/device/{DEVICE}",
                "spiffe://enroll.example.com/device/b",
            ],
        ),
        ([], [f"spiffe://enroll.example.com/device/{DEVICE}"]),
    ],
    ids=[
        "serverAuth only",
        "other domain",
        "no device",
        "longer path",
        "dots",
        "no name",
        "two names",
        "no usage",
    ],
)
def test_only_clients_with_one_device_name_are_devices(
    usages: list[x509.ObjectIdentifier],
    names: list[str],
    authority: Authority,
    material: AuthorityMaterial,
    csr: Csr,
) -> None:
    """Even with our signature, should another kind of certificate ever come from this CA."""
    builder = (
        x509.CertificateBuilder(issuer_name=authority.issuing.subject, subject_name=x509.Name([]))
        .public_key(csr.public_key)
        .serial_number(1 << 126)
        .not_valid_before(to_datetime(NOW - MINUTE))
        .not_valid_after(to_datetime(NOW + DAY))
    )
    uris: list[x509.GeneralName] = [x509.UniformResourceIdentifier(name) for name in names]
    uris.append(x509.DNSName("host.example"))
    builder = builder.add_extension(x509.SubjectAlternativeName(uris), critical=True)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    key = load_pem_private_key(material.issuing_key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    der = builder.sign(key, SHA256()).public_bytes(Encoding.DER)

    assert flaw_of(der, authority) is Flaw.WRONG_PURPOSE


@pytest.mark.parametrize("der", [b"", b"junk", b"0\x80", bytes(100_000)])
def test_junk_is_unreadable(der: bytes, authority: Authority) -> None:
    assert flaw_of(der, authority) is Flaw.UNREADABLE


def test_pem_is_not_what_a_handshake_gives(authority: Authority, issue: Issue) -> None:
    assert flaw_of(issue().pem.encode(), authority) is Flaw.UNREADABLE


@settings(**effort(300))
@given(st.integers(0, 2000), st.integers(0, 3), st.binary(max_size=4))
def test_no_damaged_certificate_is_let_in(
    authority: Authority, damaged_source: bytes, position: int, removed: int, added: bytes
) -> None:
    at = position % len(damaged_source)
    damaged = damaged_source[:at] + added + damaged_source[at + removed :]
    found, seconds = work_of(lambda: examine(damaged, authority, NOW))

    assert damaged == damaged_source or isinstance(found, Flawed)
    assert seconds < 1


@pytest.fixture(scope="module")
def damaged_source(authority: Authority, csr: Csr) -> bytes:
    return authority.issue_device(DEVICE, csr, NOW, YEAR, URLS).der
