"""Private keys survive being stored, and OpenSSL can read them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from enlist.pki import keys
from enlist.pki.keys import PrivateKey, from_pem, new_pinned_key, new_signing_key, to_pem
from tests.pki.samples import OpenSsl


@pytest.mark.parametrize("make", [new_signing_key, new_pinned_key])
def test_a_key_comes_back_as_it_was(make: object, openssl: OpenSsl) -> None:
    key = make() if callable(make) else None
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    pem = to_pem(key)

    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert from_pem(pem).private_numbers() == key.private_numbers()
    assert openssl("pkey", "-check", "-noout", stdin=pem).returncode == 0


def test_kinds_and_sizes() -> None:
    signing, pinned = new_signing_key(), new_pinned_key()

    assert signing.curve.name == "secp256r1"
    assert pinned.key_size == 2048
    assert pinned.public_key().public_numbers().e == 65537


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_operators_own_key_is_read_in_either_form(form: PrivateFormat) -> None:
    key: PrivateKey = new_signing_key()
    assert from_pem(key.private_bytes(Encoding.PEM, form, NoEncryption())) is not None


def test_what_cannot_be_used_says_why() -> None:
    encrypted = new_signing_key().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with pytest.raises(ValueError, match="encrypted"):
        from_pem(encrypted)
    with pytest.raises(ValueError, match="EC or RSA"):
        from_pem(other)
    with pytest.raises(ValueError, match="PEM"):
        from_pem(b"garbage")


def test_short_keys_are_not_used() -> None:
    """S64: whoever serves or signs with one could as well do without."""
    for least in (ec.SECP256R1(), ec.SECP384R1()):
        assert from_pem(to_pem(ec.generate_private_key(least))).key_size >= 256
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    with pytest.raises(ValueError, match="has 1024 bits, and needs 2048"):
        from_pem(to_pem(short))
    with pytest.raises(ValueError, match="has 224 bits, and needs 256"):
        from_pem(to_pem(ec.generate_private_key(ec.SECP224R1())))


def test_numbers_that_are_no_rsa_key_are_refused_every_time() -> None:
    """A PEM is proved once only; one that failed is not a proved one."""
    numbers = new_pinned_key().private_numbers()
    spoilt = rsa.RSAPrivateNumbers(
        numbers.p + 2,
        numbers.q,
        numbers.d,
        numbers.dmp1,
        numbers.dmq1,
        numbers.iqmp,
        rsa.RSAPublicNumbers(numbers.public_numbers.e, (numbers.p + 2) * numbers.q),
    )
    pem = to_pem(spoilt.private_key(unsafe_skip_rsa_key_validation=True))

    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011 - the library's own words, which change
            from_pem(pem)


def test_primes_are_proved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 40 ms, and a process that starts reads the same file half a dozen times."""
    proved = []

    def load(pem: bytes, password: None, *, unsafe_skip_rsa_key_validation: bool) -> object:
        proved.append(not unsafe_skip_rsa_key_validation)
        return load_pem_private_key(pem, password)

    monkeypatch.setattr(keys, "load_pem_private_key", load)
    first, second = to_pem(new_pinned_key()), to_pem(new_pinned_key())
    for pem in (first, first, second, first, second):
        assert to_pem(from_pem(pem)) == pem

    assert proved == [True, False, True, False, False]
