"""What each kind of certificate says (S62, RFC 5280 section 4.2): root, issuing CA, device, server.

A profile is the list of its extensions. Nothing here looks at a request.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from enlist.pki.keys import spki_digest

Extensions = list[tuple[x509.ExtensionType, bool]]
"""Each extension, and whether it is critical."""


@dataclass(frozen=True, slots=True)
class PkiUrls:
    """Where others find the revocation list and the issuing CA's certificate, and where they ask
    about a single certificate (ruling 36).

    Plain HTTP on purpose: a client that checks a certificate cannot check another one first
    (RFC 5280 section 8).
    """

    crl: str
    issuer: str
    ocsp: str

    @classmethod
    def under(cls, base: str) -> PkiUrls:
        """The addresses below a setting such as `http://enroll.example.com/pki`."""
        base = base.rstrip("/")
        return cls(f"{base}/issuing.crl", f"{base}/issuing.cer", f"{base}/ocsp")

    def of(self, issuer_id: str) -> PkiUrls:
        """Those of another issuing CA than the first: each signs a list of its own. Whoever asks
        about a certificate says by himself which CA it is of."""
        if not issuer_id:
            return self

        def named(url: str) -> str:
            base, _, name = url.rpartition("/issuing.")
            return f"{base}/issuing-{issuer_id}.{name}"

        return PkiUrls(named(self.crl), named(self.issuer), self.ocsp)


def authority(path_length: int, domain_uri: str) -> Extensions:
    """A CA that signs certificates and revocation lists and has `path_length` CAs below it."""
    return [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (_key_usage(key_cert_sign=True, crl_sign=True), True),
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(domain_uri)]), False),
    ]


def device(urls: PkiUrls) -> Extensions:
    """What is alike on every device's certificate; its name and key come on top."""
    crl = x509.DistributionPoint([x509.UniformResourceIdentifier(urls.crl)], None, None, None)
    access = [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
        for method, url in (
            (AuthorityInformationAccessOID.OCSP, urls.ocsp),
            (AuthorityInformationAccessOID.CA_ISSUERS, urls.issuer),
        )
    ]
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.CRLDistributionPoints([crl]), False),
        (x509.AuthorityInformationAccess(access), False),
    ]


def responder() -> Extensions:
    """Who answers questions about an issuing CA's certificates (RFC 6960 4.2.2.2).

    Nobody need ask how his own certificate stands: it ends soon.
    """
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
        (x509.OCSPNoCheck(), False),
    ]


def server(names: Sequence[str], key: CertificatePublicKeyTypes) -> Extensions:
    """A TLS server under these host names and addresses.

    No revocation address: its certificate is replaced, never revoked.
    """
    # TLS 1.2 with RSA key transport needs keyEncipherment; an EC key cannot do it.
    usage = _key_usage(digital_signature=True, key_encipherment=isinstance(key, rsa.RSAPublicKey))
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([_server_name(name) for name in names]), False),
    ]


def subject_key(key: CertificatePublicKeyTypes) -> x509.SubjectKeyIdentifier:
    """A name for the key, made without SHA-1 (RFC 7093 section 2)."""
    return subject_key_of(spki_digest(key))


def subject_key_of(digest: bytes) -> x509.SubjectKeyIdentifier:
    """The same from a digest already at hand; 20 bytes, as old verifiers expect."""
    return x509.SubjectKeyIdentifier(digest[:20])


def _server_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.lower().encode("idna").decode("ascii"))


def _key_usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
