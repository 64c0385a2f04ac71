"""Certificate requests (PKCS#10): reading them, and the rules that they must pass.

A request proves that whoever sends it holds a private key, and says which: that is all that is
taken from it. Its subject and its extensions are never looked at, except to refuse the absurd.

`parse` costs little and tells which key it is, which is enough to recognise a device that repeats
itself (ruling 25). `check` runs the rules below, one small function each, the signature last.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from enlist.core.outcomes import Refusal
from enlist.pki.der import without_null_parameters
from enlist.pki.keys import spki_digest

MOST_BYTES = 16 * 1024
"""A request is below 4 KiB; an RSA-8192 one as well."""
MOST_NAMES = 20
RSA_BITS = range(2048, 8192 + 1)
RSA_EXPONENTS = range(65_537, 1 << 64, 2)
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
KEYS_ACCEPTED = "EC P-256, P-384 or P-521, Ed25519, or RSA with 2048 to 8192 bits"

_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""How the library says that a part of a request, which it reads only when asked, is no good."""


@dataclass(frozen=True)
class Csr:
    """A request that could be read; `check` says whether it is any good.

    Attributes:
        request: the request as the library has it.
        public_key: its key, read once.
        spki_digest: SHA-256 of the SubjectPublicKeyInfo: the key's name.
    """

    request: x509.CertificateSigningRequest
    public_key: CertificatePublicKeyTypes
    spki_digest: bytes

    @cached_property
    def problem(self) -> str | None:
        """What the first broken rule says; found once, as the signature takes time to verify."""
        return next(filter(None, (rule(self) for rule in RULES)), None)


def parse(data: bytes | str) -> Csr | Refusal:
    """The one request in `data`: DER, or PEM with nothing but white space around it.

    Refuses with `csr_invalid` whatever else it is given; never raises.
    """
    if len(data) > MOST_BYTES:
        return _refusal(f"The request is larger than {MOST_BYTES // 1024} KiB; send it alone.")
    raw = data.encode(errors="replace") if isinstance(data, str) else data
    der = raw if raw.startswith(b"\x30") else _from_pem(raw)
    if isinstance(der, Refusal):
        return der
    request = _load(der)
    if request is None:
        return _refusal("The request is damaged or is no PKCS#10 request; make a new one.")
    try:
        key = request.public_key()
        return Csr(request, key, spki_digest(key))
    except _UNREADABLE:
        return _refusal(f"The key in the request cannot be read; use {KEYS_ACCEPTED}.")


def check(csr: Csr) -> Refusal | None:
    """`csr_invalid` with one sentence on what to change, or None when every rule is kept."""
    return None if csr.problem is None else _refusal(csr.problem)


def _key_type(csr: Csr) -> str | None:
    """A key of a kind and on a curve that clients and servers alike support (ruling 4)."""
    key = csr.public_key
    if isinstance(key, ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
        return None
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES):
        return None
    return f"This kind of key is not accepted; use {KEYS_ACCEPTED}."


def _rsa_size(csr: Csr) -> str | None:
    """Small keys can be broken; huge ones are a way to keep the server busy (ruling 4)."""
    key = csr.public_key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size not in RSA_BITS:
        return f"An RSA key of {key.key_size} bits is not accepted; use 2048 to 8192 bits."
    return None


def _rsa_exponent(csr: Csr) -> str | None:
    """Odd, at least 65537 (FIPS 186-5 A.1.1), and so small that verifying stays cheap."""
    key = csr.public_key
    if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e not in RSA_EXPONENTS:
        return "The RSA key's public exponent is not accepted; make a key with exponent 65537."
    return None


def _rsa_modulus(csr: Csr) -> str | None:
    """A modulus with a small factor comes from a broken generator and can be taken apart."""
    key = csr.public_key
    if isinstance(key, rsa.RSAPublicKey) and math.gcd(key.public_numbers().n, _SMALL_FACTORS) > 1:
        return "The RSA key is defective; make a new key on another machine or with other software."
    return None


def _signature_digest(csr: Csr) -> str | None:
    """SHA-2 only; Ed25519 names no digest and needs none."""
    told = "The request must be signed with SHA-256, SHA-384 or SHA-512 (or Ed25519)."
    try:
        digest = csr.request.signature_hash_algorithm
    except _UNREADABLE:
        return told
    if digest is None:
        return None if isinstance(csr.public_key, ed25519.Ed25519PublicKey) else told
    return None if isinstance(digest, DIGESTS) else told


def _alternative_names(csr: Csr) -> str | None:
    """A request with very many names was made for something else."""
    try:
        names = csr.request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    except _UNREADABLE:
        return "The extensions in the request cannot be read; leave them out, none is used."
    if len(names) > MOST_NAMES:
        return f"The request asks for {len(names)} names; at most {MOST_NAMES} are accepted."
    return None


def _possession(csr: Csr) -> str | None:
    """The request's own key signed it: nobody gets a certificate for a key of others (S28)."""
    try:
        proved = csr.request.is_signature_valid
    except (*_UNREADABLE, InvalidSignature):
        proved = False
    if proved:
        return None
    return "The request's signature does not fit its key; make a new request with your own key."


Rule = Callable[[Csr], str | None]
RULES: tuple[Rule, ...] = (
    _key_type,
    _rsa_size,
    _rsa_exponent,
    _rsa_modulus,
    _signature_digest,
    _alternative_names,
    _possession,  # last: by now the key is one for which verifying is cheap
)
"""In this order. A rule answers None, or in one sentence what is wrong and what to do."""

_SMALL_FACTORS = math.prod(n for n in range(2, 752) if all(n % d for d in range(2, n)))
"""The product of the primes below 752."""

_LABELS = (b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST")
"""RFC 7468 section 7, and what Windows and older tools write."""


def _from_pem(raw: bytes) -> bytes | Refusal:
    text = raw.strip()
    for label in _LABELS:
        begin, end = b"-----BEGIN " + label + b"-----", b"-----END " + label + b"-----"
        if text.startswith(begin) and text.endswith(end):
            # Exact base64 only: a second block, NULs and stray text all break it.
            body = b"".join(text[len(begin) : -len(end)].split())
            try:
                return binascii.a2b_base64(body, strict_mode=True)
            except ValueError:
                return _refusal("The request must be exactly one PEM block without anything else.")
    return _not_a_request(text)


def _not_a_request(text: bytes) -> Refusal:
    if b"PRIVATE KEY-----" in text:
        return _refusal(
            "This holds a private key, which must never leave its device; make a new key and"
            " send only the certificate request."
        )
    if text.startswith(b"-----BEGIN CERTIFICATE-----"):
        return _refusal("This is a certificate; send a certificate request instead.")
    if not text:
        return _refusal("The certificate request is empty; send one in PEM or DER.")
    return _refusal(
        "This is no certificate request; send one PKCS#10 request in PEM"
        " (-----BEGIN CERTIFICATE REQUEST-----) or DER, and nothing else."
    )


def _load(der: bytes) -> x509.CertificateSigningRequest | None:
    for repair in (bytes, without_null_parameters):
        try:
            return x509.load_der_x509_csr(repair(der))
        except _UNREADABLE:
            continue
    return None


def _refusal(detail: str) -> Refusal:
    return Refusal("csr_invalid", detail=detail)
