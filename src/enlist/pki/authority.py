"""The authority at work: issuing CAs under one root, made by `founding`, sign certificates.

The root's key is not wanted here, so that it can be kept elsewhere. Another issuing CA may take
the first one's place; then those before it sign nothing but revocation lists, and what they signed
stays good. Certificates are made from a template of everything that is alike on all of them: this
is the slow part of redeeming, and per certificate only the subject, the key, the serial and the
dates are new.
"""

from __future__ import annotations

import hashlib
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from enlist.core.clock import MINUTE, SECOND, from_datetime, to_datetime
from enlist.pki import profiles, spiffe
from enlist.pki.csr import Csr, check
from enlist.pki.keys import PrivateKey, from_pem, spki_digest
from enlist.pki.profiles import Extensions, PkiUrls

BACK_DATED = MINUTE
"""How far before `now` everything begins to be valid, for clocks that are a little behind."""


class AuthorityExpired(RuntimeError):
    """The issuing CA has run out; whatever it signed now would be worth nothing."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A signed certificate.

    Attributes:
        serial: 32 lower-case hexadecimal digits.
        der: the certificate itself.
        not_before, not_after: microseconds UTC, whole seconds as the certificate has them.
        fingerprint: SHA-256 of `der`, lower-case hexadecimal.
        spki_digest: SHA-256 of its SubjectPublicKeyInfo (ruling 25).
    """

    serial: str
    der: bytes
    not_before: int
    not_after: int
    fingerprint: str
    spki_digest: bytes

    @property
    def pem(self) -> str:
        """The certificate alone, without its chain."""
        return ssl.DER_cert_to_PEM_cert(self.der)


class Issuer:
    """One issuing CA at work. Safe to share between threads: nothing in it changes but a cache.

    Attributes:
        id: in the addresses inside its certificates; "" for the first one of an installation.
    """

    def __init__(
        self, issuing: x509.Certificate, key: ec.EllipticCurvePrivateKey, issuer_id: str = ""
    ) -> None:
        self.id = issuer_id
        self.issuing = issuing
        self.not_after = from_datetime(issuing.not_valid_after_utc)
        self._key = key
        self._key_id = profiles.subject_key(key.public_key())
        self._device_templates: dict[PkiUrls, x509.CertificateBuilder] = {}

    @cached_property
    def issuing_pem(self) -> str:
        """The issuing CA's certificate: what a client sends along with its own."""
        return self.issuing.public_bytes(Encoding.PEM).decode("ascii")

    def issue_device(
        self, name: str, device_id: str, csr: Csr, now: int, lifetime: int, urls: PkiUrls
    ) -> IssuedCertificate:
        """See `Authority.issue_device`; `name` is the device's SPIFFE URI."""
        problem = check(csr)
        if problem is not None:
            raise ValueError(f"unchecked certificate request: {problem.detail}")
        uri = x509.UniformResourceIdentifier(name)
        builder = (
            self._device_template(urls)
            .subject_name(_common_name(device_id))
            .public_key(csr.public_key)
            .add_extension(profiles.subject_key_of(csr.spki_digest), critical=False)
            .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        )
        return self._sign(builder, csr.spki_digest, now, lifetime)

    def issue_server(
        self, names: Sequence[str], key: PrivateKey, now: int, lifetime: int
    ) -> IssuedCertificate:
        """See `Authority.issue_server`."""
        if not names:
            raise ValueError("a server certificate needs at least one name")
        public_key = key.public_key()
        short = next((name for name in names if len(name) <= 64), "server")
        builder = with_extensions(
            self._new_builder().subject_name(_common_name(short)).public_key(public_key),
            [
                *profiles.server(list(dict.fromkeys(names)), public_key),
                (profiles.subject_key(public_key), False),
            ],
        )
        return self._sign(builder, spki_digest(public_key), now, lifetime)

    def issue_responder(
        self, key: ec.EllipticCurvePublicKey, now: int, lifetime: int
    ) -> IssuedCertificate:
        """A certificate for whoever answers how this CA's certificates stand (see `ocsp`).

        Raises:
            AuthorityExpired: see there.
        """
        builder = with_extensions(
            self._new_builder().subject_name(_common_name("OCSP responder")).public_key(key),
            [*profiles.responder(), (profiles.subject_key(key), False)],
        )
        return self._sign(builder, spki_digest(key), now, lifetime)

    def sign_revocation_list(self, builder: x509.CertificateRevocationListBuilder) -> bytes:
        """Put the issuing CA's name and signature on a list (see `revocation`); DER."""
        signed = (
            builder.issuer_name(self.issuing.subject)
            .add_extension(key_of_issuer(self._key_id), critical=False)
            .sign(self._key, SHA256())
        )
        return signed.public_bytes(Encoding.DER)

    def _device_template(self, urls: PkiUrls) -> x509.CertificateBuilder:
        template = self._device_templates.get(urls)
        if template is None:
            # Encoded once here instead of once for each certificate.
            encoded: Extensions = [
                (x509.UnrecognizedExtension(extension.oid, extension.public_bytes()), critical)
                for extension, critical in profiles.device(urls.of(self.id))
            ]
            template = with_extensions(self._new_builder(), encoded)
            self._device_templates[urls] = template
        return template

    def _new_builder(self) -> x509.CertificateBuilder:
        return with_extensions(
            x509.CertificateBuilder().issuer_name(self.issuing.subject),
            [(key_of_issuer(self._key_id), False)],
        )

    def _sign(
        self, builder: x509.CertificateBuilder, digest: bytes, now: int, lifetime: int
    ) -> IssuedCertificate:
        if now >= self.not_after:
            raise AuthorityExpired("the issuing CA has expired; a new one must be made")
        not_before = whole_second(now - BACK_DATED)
        not_after = min(whole_second(now + lifetime), self.not_after)
        serial = new_serial()
        certificate = (
            builder.serial_number(serial)
            .not_valid_before(to_datetime(not_before))
            .not_valid_after(to_datetime(not_after))
            .sign(self._key, SHA256())
        )
        der = certificate.public_bytes(Encoding.DER)
        return IssuedCertificate(
            serial=serial_text(serial),
            der=der,
            not_before=not_before,
            not_after=not_after,
            fingerprint=hashlib.sha256(der).hexdigest(),
            spki_digest=digest,
        )


class Authority:
    """A root and its issuing CAs: the first signs what is new, all are believed.

    Shared by everything in a process, and takes up a new issuing CA while it is in use: each
    method works with one issuer from its beginning to its end.
    """

    def __init__(self, root: x509.Certificate, issuers: tuple[Issuer, ...]) -> None:
        """Use `load_authority`, which checks that all belong together."""
        self.root = root
        self.trust_domain = trust_domain_of(issuers[0].issuing)
        self._issuers = issuers

    def take_up(self, newer: Authority) -> None:
        """Work with the issuing CAs of another authority of the same root from now on."""
        self._issuers = newer.issuers

    @property
    def issuers(self) -> tuple[Issuer, ...]:
        """Every issuing CA; the first signs."""
        return self._issuers

    @property
    def issuing(self) -> x509.Certificate:
        """The certificate of the issuing CA that signs."""
        return self._issuers[0].issuing

    @property
    def not_after(self) -> int:
        """When that one ends, in microseconds UTC."""
        return self._issuers[0].not_after

    @property
    def issuing_pem(self) -> str:
        """The issuing CA's certificate: what a client sends along with its own."""
        return self._issuers[0].issuing_pem

    @cached_property
    def root_pem(self) -> str:
        """The root's certificate: what others are told to trust."""
        return self.root.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def root_fingerprint(self) -> str:
        """SHA-256 of the root certificate, lower-case hexadecimal; people compare it."""
        return hashlib.sha256(self.root.public_bytes(Encoding.DER)).hexdigest()

    @property
    def chain_pem(self) -> str:
        """Issuing CA, then root, as one text (ruling 33)."""
        return self.issuing_pem + self.root_pem

    def chain_of(self, certificate: str) -> str:
        """The chain of a device's certificate (PEM; "" for none), as `chain_pem`."""
        return self.intermediate_of(certificate) + self.root_pem

    def intermediate_of(self, certificate: str) -> str:
        """The issuing CA that signed a device's certificate (PEM; "" for none).

        It may have been signed before a newer issuing CA took over: a moment ago, or where a
        device asks for a lost answer again.
        """
        issuers = self._issuers
        if certificate and len(issuers) > 1:
            signed_as = x509.load_pem_x509_certificate(certificate.encode()).issuer
            for each in issuers:
                if each.issuing.subject == signed_as:
                    return each.issuing_pem
        return self.issuing_pem

    @property
    def trusted_pem(self) -> str:
        """Every issuing CA, then the root: what a listener checks devices by."""
        return "".join(each.issuing_pem for each in self._issuers) + self.root_pem

    def certificates_pkcs7(self) -> bytes:
        """Every CA certificate as degenerate PKCS#7, DER: the content of EST's `cacerts` (D42).

        What an earlier issuing CA signed is still in use, so a client needs it as well.
        """
        every = [*(each.issuing for each in self._issuers), self.root]
        return pkcs7.serialize_certificates(every, Encoding.DER)

    def issue_device(
        self, device_id: str, csr: Csr, now: int, lifetime: int, urls: PkiUrls
    ) -> IssuedCertificate:
        """A client certificate for a device; of the request only the key is used (S62).

        Args:
            lifetime: microseconds from `now`; never past the issuing CA's own end.

        Raises:
            ValueError: the request does not pass `csr.check`, which costs nothing to ask twice.
            AuthorityExpired: see there.
        """
        name = spiffe.device_uri(self.trust_domain, device_id)
        return self._issuers[0].issue_device(name, device_id, csr, now, lifetime, urls)

    def issue_server(
        self, names: Sequence[str], key: PrivateKey, now: int, lifetime: int
    ) -> IssuedCertificate:
        """A TLS server certificate for host names and IP addresses, for a key that may be kept.

        Raises:
            ValueError: no name was given, or one of them is no host name.
            AuthorityExpired: see there.
        """
        return self._issuers[0].issue_server(names, key, now, lifetime)

    def sign_revocation_list(self, builder: x509.CertificateRevocationListBuilder) -> bytes:
        """A list of the issuing CA that signs; see `Issuer.sign_revocation_list`."""
        return self._issuers[0].sign_revocation_list(builder)


def load_authority(
    root_certificate: bytes, issuing_certificate: bytes, issuing_key: bytes
) -> Authority:
    """The authority with a single issuing CA whose PEM parts were stored.

    Raises:
        ValueError: a part cannot be read, or they do not belong together; says which.
    """
    root = x509.load_pem_x509_certificate(root_certificate)
    return Authority(root, (load_issuer(root, issuing_certificate, issuing_key),))


def load_issuer(
    root: x509.Certificate, issuing_certificate: bytes, issuing_key: bytes, issuer_id: str = ""
) -> Issuer:
    """An issuing CA below `root`.

    Raises:
        ValueError: as `load_authority`.
    """
    issuing = x509.load_pem_x509_certificate(issuing_certificate)
    key = from_pem(issuing_key)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != issuing.public_key():
        raise ValueError("the issuing key does not belong to the issuing certificate")
    if not signed_by(issuing, root):
        raise ValueError("the issuing certificate was not signed by the root")
    return Issuer(issuing, key, issuer_id)


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` is named in the certificate and its key made the signature."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def serial_text(serial: int) -> str:
    """The one way to write a serial, so that a look-up by text finds it."""
    return f"{serial:032x}"


def new_serial() -> int:
    """126 bits from the operating system; positive and always 32 digits (RFC 5280 4.1.2.2)."""
    return 1 << 126 | secrets.randbits(126)


def whole_second(moment: int) -> int:
    """`moment` without the fraction of its second, which no certificate can carry."""
    return moment - moment % SECOND


def with_extensions(
    builder: x509.CertificateBuilder, extensions: Extensions
) -> x509.CertificateBuilder:
    """The builder with all of these."""
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder


def key_of_issuer(identifier: x509.SubjectKeyIdentifier) -> x509.AuthorityKeyIdentifier:
    """By which key something is signed, for whoever looks for it."""
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def trust_domain_of(issuing: x509.Certificate) -> str:
    """The trust domain that an issuing CA's own name is in (ruling 4)."""
    names = issuing.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uri = names.get_values_for_type(x509.UniformResourceIdentifier)[0]
    return spiffe.trust_domain(uri.removeprefix(spiffe.domain_uri("")))
