"""Making CAs: a root and an issuing CA with the installation, further issuing CAs later; all P-256.

The root signs issuing CAs and nothing else. What signs certificates is `authority`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from enlist.core.clock import DAY, from_datetime, to_datetime
from enlist.pki import profiles, spiffe
from enlist.pki.authority import (
    BACK_DATED,
    key_of_issuer,
    new_serial,
    trust_domain_of,
    whole_second,
    with_extensions,
)
from enlist.pki.keys import from_pem, new_signing_key, to_pem

ROOT_LIFETIME = 20 * 365 * DAY
ISSUING_LIFETIME = 10 * 365 * DAY


@dataclass(frozen=True, slots=True)
class AuthorityMaterial:
    """What must be stored of a new authority, all PEM. The root's key may be stored offline."""

    root_certificate: bytes
    issuing_certificate: bytes
    root_key: bytes = field(repr=False)
    issuing_key: bytes = field(repr=False)


def create_authority(
    name: str,
    trust_domain: str,
    now: int,
    root_lifetime: int = ROOT_LIFETIME,
    issuing_lifetime: int = ISSUING_LIFETIME,
) -> AuthorityMaterial:
    """A new root and issuing CA for an installation.

    Args:
        name: the installation's name, as people will see it in certificate dialogs.
        trust_domain: host name of the installation; see `spiffe.trust_domain`. It stays.
        root_lifetime, issuing_lifetime: microseconds from `now`.

    Raises:
        ValueError: the name or the trust domain is empty, or the root would end first.
    """
    if issuing_lifetime > root_lifetime:
        raise ValueError("the root must live at least as long as the issuing CA")
    domain_uri = spiffe.domain_uri(spiffe.trust_domain(trust_domain))
    root_name, issuing_name = _ca_name(name, "Root CA"), _ca_name(name, "Issuing CA")
    root_key, issuing_key = new_signing_key(), new_signing_key()
    root = _ca_builder(root_name, root_key.public_key(), path_length=1, domain_uri=domain_uri)
    issuing = _ca_builder(
        issuing_name, issuing_key.public_key(), path_length=0, domain_uri=domain_uri
    )
    return AuthorityMaterial(
        root_certificate=_signed(root, root_name, root_key, now, now + root_lifetime),
        issuing_certificate=_signed(issuing, root_name, root_key, now, now + issuing_lifetime),
        root_key=to_pem(root_key),
        issuing_key=to_pem(issuing_key),
    )


def create_issuer(
    root_certificate: bytes, root_key: bytes, before: x509.Certificate, issuer_id: str, now: int
) -> tuple[bytes, bytes]:
    """Another issuing CA under a root: certificate and key, PEM.

    Args:
        before: the certificate of the one whose place it takes; its names are kept, and the id
            put behind the last.

    Raises:
        ValueError: the root's key cannot be read or is another's, or the root is about to end.
    """
    root, key = x509.load_pem_x509_certificate(root_certificate), from_pem(root_key)
    if key.public_key() != root.public_key() or not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the root's key does not belong to the root's certificate")
    if now >= from_datetime(root.not_valid_after_utc):
        raise ValueError("the root has expired")
    own = new_signing_key()
    role = f"Issuing CA {issuer_id}"
    (organization,) = before.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    until = min(now + ISSUING_LIFETIME, from_datetime(root.not_valid_after_utc))
    builder = _ca_builder(
        _ca_name(str(organization.value), role),
        own.public_key(),
        path_length=0,
        domain_uri=spiffe.domain_uri(trust_domain_of(before)),
    )
    return _signed(builder, root.subject, key, now, until), to_pem(own)


def _signed(
    builder: x509.CertificateBuilder,
    root_name: x509.Name,
    root_key: ec.EllipticCurvePrivateKey,
    now: int,
    until: int,
) -> bytes:
    """A CA's certificate, signed by the root; PEM."""
    root_key_id = profiles.subject_key(root_key.public_key())
    certificate = (
        builder.issuer_name(root_name)
        .add_extension(key_of_issuer(root_key_id), critical=False)
        .serial_number(new_serial())
        .not_valid_before(to_datetime(whole_second(now - BACK_DATED)))
        .not_valid_after(to_datetime(whole_second(until)))
        .sign(root_key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def _ca_builder(
    subject: x509.Name, key: CertificatePublicKeyTypes, path_length: int, domain_uri: str
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key)
    own_key = profiles.subject_key(key)
    return with_extensions(
        builder, [*profiles.authority(path_length, domain_uri), (own_key, False)]
    )


def _ca_name(installation: str, role: str) -> x509.Name:
    """Organization and common name of a CA, cut to what X.520 allows (64 bytes of UTF-8)."""
    name = "".join(c for c in " ".join(installation.split()) if c.isprintable())
    if not name:
        raise ValueError("a certificate authority needs the installation's name")
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _cut(name, 64)),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{_cut(name, 63 - len(role))} {role}"),
        ]
    )


def _cut(text: str, size: int) -> str:
    """At most `size` bytes of UTF-8, never half a character."""
    return text.encode()[:size].decode(errors="ignore").rstrip()
