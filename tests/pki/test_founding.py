"""A root and an issuing CA are made: what they are called, and how long they live."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from enlist.core.clock import MINUTE, SECOND, from_datetime
from enlist.pki.authority import Authority
from enlist.pki.founding import AuthorityMaterial, create_authority
from tests.pki.samples import NOW, YEAR, OpenSsl, load

AT = str(NOW // SECOND)


def test_a_new_authority_loads_and_chains_in_openssl(
    material: AuthorityMaterial, openssl: OpenSsl, tmp_path: Path
) -> None:
    (tmp_path / "root.pem").write_bytes(material.root_certificate)
    verdict = openssl(
        "verify",
        "-x509_strict",
        "-attime",
        AT,
        "-CAfile",
        "root.pem",
        stdin=material.issuing_certificate,
    )

    assert verdict.stdout == b"stdin: OK\n"


def test_lifetimes_are_twenty_and_ten_years_unless_given(authority: Authority) -> None:
    short = load(create_authority("A", "a", NOW, root_lifetime=2 * YEAR, issuing_lifetime=YEAR))

    assert _lifetime(authority.root) == 20 * YEAR + MINUTE
    assert _lifetime(authority.issuing) == 10 * YEAR + MINUTE
    assert (_lifetime(short.root), _lifetime(short.issuing)) == (2 * YEAR + MINUTE, YEAR + MINUTE)
    with pytest.raises(ValueError, match="root"):
        create_authority("A", "a", NOW, root_lifetime=YEAR, issuing_lifetime=2 * YEAR)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Müller & Söhne, 東京", "Müller & Söhne, 東京 Root CA"),
        ("  two\n words\0 ", "two words Root CA"),
        ("東" * 40, "東" * 18 + " Root CA"),
        ("x" * 200, "x" * 56 + " Root CA"),
    ],
)
def test_any_name_of_an_installation_makes_a_subject(name: str, shown: str) -> None:
    root = load(create_authority(name, "a", NOW)).root
    assert root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == shown


def test_an_authority_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="name"):
        create_authority(" \n", "a", NOW)


def test_keys_do_not_show_in_a_repr(material: AuthorityMaterial) -> None:
    assert "PRIVATE" not in repr(material)
    assert "issuing_certificate" in repr(material)


def _lifetime(certificate: x509.Certificate) -> int:
    return from_datetime(certificate.not_valid_after_utc) - from_datetime(
        certificate.not_valid_before_utc
    )
