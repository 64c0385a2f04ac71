"""Whose certificates count: the system's CAs, and the one that the person names.

A CA is named by a file, or by its fingerprint alone. The certificate for a fingerprint is fetched
from the very server, over a connection that proves nothing yet and on which nothing secret is
sent; it counts only when it has exactly that fingerprint (RFC 7030 section 4.1.1). Everything else
then goes over a connection that is verified under it, and under nothing else.
"""

from __future__ import annotations

import hmac
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from enlist_agent.client import Patience, Server
from enlist_agent.outcomes import UnreachableError, UsageError
from enlist_agent.unreadable import UNREADABLE

ROOT_PATH: Final = "/pki/root.pem"


@dataclass(frozen=True, slots=True)
class NamedCa:
    """The CA that the person named, if any: its certificates, or the SHA-256 of its certificate."""

    certificates: str = ""
    fingerprint: bytes = b""

    @classmethod
    def read(cls, file: Path | None, fingerprint: str | None) -> NamedCa:
        """What `--ca` and `--ca-fingerprint` say.

        Raises:
            UsageError: one of them is none, or both are given.
        """
        if file and fingerprint:
            raise UsageError("Give --ca or --ca-fingerprint, not both.")
        if fingerprint:
            return cls(fingerprint=read_fingerprint(fingerprint))
        return cls(read_ca(file) if file else "")

    def trust(self, server: str, patience: Patience) -> tuple[ssl.SSLContext, str]:
        """Whom to trust at this server, and the certificates to keep for later.

        Raises:
            UnreachableError: the CA had to be fetched, and could not be, or is another.
        """
        if self.fingerprint:
            found = fetch_ca(server, self.fingerprint, patience)
            return only(found), found
        return system_and(self.certificates), self.certificates


def read_ca(path: Path) -> str:
    """The certificates of a PEM file.

    Raises:
        UsageError: the file cannot be read or holds no certificate.
    """
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, *UNREADABLE) as error:
        reason = error.strerror if isinstance(error, OSError) else "no certificate in PEM form"
        raise UsageError(f"{path} cannot be used: {reason}.") from None
    return pem_of(found)


def read_fingerprint(text: str) -> bytes:
    """The SHA-256 that somebody typed or copied: 64 hexadecimal digits, with or without colons.

    Raises:
        UsageError: it is none.
    """
    digits = re.sub(r"^sha-?256[:=]", "", text.strip(), flags=re.IGNORECASE).replace(":", "")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
        raise UsageError(
            "The fingerprint of a CA is sha256: and 64 hexadecimal digits. Copy it once more."
        )
    return bytes.fromhex(digits)


def fetch_ca(server: str, fingerprint: bytes, patience: Patience) -> str:
    """The server's CA, once it is known to be the one with this fingerprint.

    Raises:
        UnreachableError: the server is away, or shows another CA or none.
        UsageError: the address has no TLS, so that a CA would prove nothing.
    """
    if not server.startswith("https:"):
        raise UsageError("--ca-fingerprint needs an https:// address.")
    unproven = ssl.create_default_context()
    unproven.check_hostname = False
    unproven.verify_mode = ssl.CERT_NONE
    text = Server(server, unproven, patience).fetch(ROOT_PATH)
    try:
        shown = x509.load_pem_x509_certificate(text)
    except UNREADABLE:
        raise UnreachableError(
            f"{server} shows no CA of its own at {ROOT_PATH}, so nothing was sent. "
            "Check the address; or leave --ca-fingerprint out."
        ) from None
    found = shown.fingerprint(hashes.SHA256())
    if not hmac.compare_digest(found, fingerprint):
        raise UnreachableError(
            f"{server} shows another CA than the one asked for, with the fingerprint "
            f"sha256:{found.hex()}, so nothing was sent. Ask your administrator which is right: "
            "somebody may be between this device and the server."
        )
    return pem_of([shown])


def system_and(extra_ca: str) -> ssl.SSLContext:
    """What the system trusts, and these certificates."""
    context = httpx2.create_ssl_context()
    if extra_ca:
        context.load_verify_locations(cadata=extra_ca)
    return context


def only(ca: str) -> ssl.SSLContext:
    """These certificates and no others.

    Raises:
        ValueError: there are none; Python would take the system's instead.
    """
    if not ca.strip():
        raise ValueError("no certificate to trust")
    return ssl.create_default_context(cadata=ca)


def pem_of(certificates: Iterable[x509.Certificate]) -> str:
    """Certificates as one text in PEM."""
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)
