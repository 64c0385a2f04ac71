"""A throwaway PKI for peers: an authority, a server certificate, and two that must be refused."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "mail.example.test"
NAMES = (HOST, "localhost", "127.0.0.1", "::1")

Issuer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


@dataclass(frozen=True)
class Pair:
    """A certificate and its key as PEM files; the key's mode is 0600, as servers demand."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Pki:
    """`server` is right; `wrong` is of the right authority for another host; `rogue` of another."""

    authority: Path
    server: Pair
    wrong: Pair
    rogue: Pair


def make(folder: Path, names: Sequence[str] = NAMES) -> Pki:
    """Write a whole PKI into a folder; `names` are the server's host names and addresses."""
    folder.mkdir(parents=True, exist_ok=True)
    trusted, other = _authority("Test authority"), _authority("Another authority")
    authority = folder / "authority.pem"
    authority.write_bytes(trusted[0].public_bytes(serialization.Encoding.PEM))
    return Pki(
        authority,
        server=_server(folder, "server", trusted, names),
        wrong=_server(folder, "wrong", trusted, ["elsewhere.example.test"]),
        rogue=_server(folder, "rogue", other, names),
    )


def _authority(name: str) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _unsigned(subject, subject, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key


def _server(folder: Path, name: str, issuer: Issuer, names: Sequence[str]) -> Pair:
    authority, signing_key = issuer
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    certificate = (
        _unsigned(subject, authority.subject, key)
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(identifier, False)
        .sign(signing_key, hashes.SHA256())
    )
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pair.key.touch(mode=0o600)
    pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pair


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
