"""Each rule with a request that keeps it and one that breaks it; OpenSSL makes the requests."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from enlist.core.outcomes import Refusal
from enlist.pki.csr import RULES, Csr, check, parse
from tests.pki.samples import OpenSsl, new_key, read, request_der, request_of

EC_P256 = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def made_by(openssl: OpenSsl, key: tuple[str, ...], *options: str) -> bytes:
    """A request that `openssl req` made with a new key of this kind."""
    assert openssl("genpkey", *key, "-out", "key.pem").returncode == 0
    made = openssl("req", "-new", "-key", "key.pem", "-subj", "/CN=x", *options)
    assert made.returncode == 0, made.stderr
    return made.stdout


def problem_of(data: bytes) -> str:
    """The sentence with which a request is refused, by reading it or by a rule."""
    found = parse(data)
    refusal = found if isinstance(found, Refusal) else check(found)
    assert refusal is not None, "was accepted"
    assert refusal.code == "csr_invalid"
    return refusal.detail


@pytest.mark.parametrize(
    "key",
    [
        EC_P256,
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"),
        ("-algorithm", "ED25519"),
        ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
        ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"),
        ("-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"),
    ],
    ids=lambda key: key[1] + "-" + key[-1].split(":")[-1],
)
def test_these_keys_are_accepted(key: tuple[str, ...], openssl: OpenSsl) -> None:
    assert check(read(made_by(openssl, key))) is None


@pytest.mark.parametrize(
    "key",
    [
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"),
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"),
        ("-algorithm", "ED448"),
    ],
    ids=lambda key: key[-1].split(":")[-1],
)
def test_other_keys_are_refused(key: tuple[str, ...], openssl: OpenSsl) -> None:
    told = problem_of(made_by(openssl, key))

    assert "key" in told
    assert "P-256" in told, "the sentence must say what would do"


def test_a_curve_spelled_out_counts_only_if_it_is_the_named_one(openssl: OpenSsl) -> None:
    """Else a thief picks a generator that makes his key fit somebody else's (CVE-2020-0601)."""
    spelled_out = read(made_by(openssl, (*EC_P256, "-pkeyopt", "ec_param_enc:explicit")))
    whole = _der(spelled_out)
    generator = whole.index(bytes.fromhex("046b17d1f2e12c4247"))
    other = whole[:generator] + _some_point() + whole[generator + 65 :]

    assert check(spelled_out) is None
    assert "key" in problem_of(other)


def _some_point() -> bytes:
    """Some other point on P-256."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    return point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@pytest.mark.parametrize("bits", [1024, 2047])
def test_a_small_rsa_key_is_refused(bits: int, openssl: OpenSsl) -> None:
    key = ("-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}")
    assert f"{bits} bits" in problem_of(made_by(openssl, key))


def with_rsa_key(csr: Csr, modulus: int, exponent: int = 65537) -> Csr:
    """The request as if it were for this key, so that nobody has to make a huge one."""
    return replace(csr, public_key=rsa.RSAPublicNumbers(exponent, modulus).public_key())


def test_the_largest_rsa_key_is_8192_bits(csr: Csr) -> None:
    largest = math.prod(2**bits - 1 for bits in (4423, 3217, 521, 31))  # Mersenne primes
    too_large = check(with_rsa_key(csr, largest * 2 + 1))

    assert largest.bit_length() == 8192
    assert check(with_rsa_key(csr, largest)) is None
    assert too_large is not None
    assert "8193 bits" in too_large.detail


def test_a_public_exponent_of_three_is_refused(openssl: OpenSsl) -> None:
    key = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt")
    assert "exponent" in problem_of(made_by(openssl, (*key, "rsa_keygen_pubexp:3")))
    assert check(read(made_by(openssl, (*key, "rsa_keygen_pubexp:65539")))) is None


def test_a_public_exponent_that_costs_time_is_refused(csr: Csr, rsa_key: rsa.RSAPrivateKey) -> None:
    modulus = rsa_key.public_key().public_numbers().n
    problem = check(with_rsa_key(csr, modulus, (1 << 64) + 1))

    assert problem is not None
    assert "exponent" in problem.detail


def test_a_modulus_with_a_small_factor_is_refused(csr: Csr, rsa_key: rsa.RSAPrivateKey) -> None:
    modulus = rsa_key.public_key().public_numbers().n
    problem = check(with_rsa_key(csr, modulus * 751))

    assert problem is not None
    assert "defective" in problem.detail


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_sha2_is_accepted(digest: str, openssl: OpenSsl) -> None:
    assert check(read(made_by(openssl, EC_P256, f"-{digest}"))) is None


@pytest.mark.parametrize("digest", ["md5", "sha1", "sha224", "sha3-256"])
def test_other_digests_are_refused(digest: str, openssl: OpenSsl) -> None:
    rsa_2048 = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    assert "SHA-256" in problem_of(made_by(openssl, rsa_2048, f"-{digest}"))


@pytest.mark.parametrize("digest", ["sha1", "sha224", "sha3-256"])
def test_other_digests_are_refused_for_curves_too(digest: str, openssl: OpenSsl) -> None:
    assert "SHA-256" in problem_of(made_by(openssl, EC_P256, f"-{digest}"))


def names(count: int) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(f"host{n}.example") for n in range(count)])


def test_twenty_names_are_accepted_and_not_one_more(ec_key: ec.EllipticCurvePrivateKey) -> None:
    assert check(request_of(ec_key, extensions=[names(20)])) is None
    assert "21 names" in problem_of(request_der(ec_key, extensions=[names(21)]))


def test_extensions_that_cannot_be_read_are_refused(ec_key: ec.EllipticCurvePrivateKey) -> None:
    garbled = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x05nope")
    assert "extensions" in problem_of(request_der(ec_key, extensions=[garbled]))


def test_the_same_extension_twice_is_refused(ec_key: ec.EllipticCurvePrivateKey) -> None:
    twins = [
        x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.3.6.1.4.1.99999.{n}"), b"\x05\x00")
        for n in (1, 2)
    ]
    whole = request_der(ec_key, extensions=[*twins])
    end = bytes.fromhex("06092b0601040186 8d1f")
    twice = whole.replace(end + b"\x02", end + b"\x01")

    assert twice != whole
    assert "extensions" in problem_of(twice)


def test_unknown_extensions_do_not_matter(ec_key: ec.EllipticCurvePrivateKey) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    assert check(request_of(ec_key, extensions=[unknown])) is None


@pytest.mark.parametrize("kind", ["p256", "rsa", "ed25519"])
def test_a_signature_by_another_key_is_refused(kind: str) -> None:
    """The request of a thief: somebody else's public key, the thief's signature."""
    owner = read(request_der(new_key(kind)))
    size = len(owner.request.signature)
    # An ECDSA signature's length varies by a byte or two; try until it fits in the same place.
    thieves = (read(request_der(new_key(kind))).request.signature for _ in range(500))
    signature = next(found for found in thieves if len(found) == size)
    stolen = _der(owner)[:-size] + signature

    assert "signature" in problem_of(stolen)
    assert check(owner) is None


def test_a_changed_name_breaks_the_signature(openssl: OpenSsl, tmp_path: Path) -> None:
    whole = request_der(ec.generate_private_key(ec.SECP256R1()), "alice")
    changed = whole.replace(b"alice", b"mallo")
    (tmp_path / "changed.der").write_bytes(changed)
    theirs = openssl("req", "-in", "changed.der", "-inform", "DER", "-verify", "-noout")

    assert b"failure" in theirs.stderr
    assert "signature" in problem_of(changed)


def test_the_signature_is_verified_last_and_once(csr: Csr) -> None:
    assert RULES[-1].__name__ == "_possession", "the cheap rules must come before it"
    fresh = read(_der(csr))
    assert check(fresh) is None
    assert "problem" in vars(fresh), "asking again must cost nothing"


def test_every_rule_says_what_it_is_for() -> None:
    assert all(rule.__doc__ for rule in RULES)


def _der(csr: Csr) -> bytes:
    return csr.request.public_bytes(Encoding.DER)
