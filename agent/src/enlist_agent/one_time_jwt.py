"""A one-time JWT, and whom it may be shown to: the server whose key signed it.

The JWT names its server (`iss`) and was signed by the key of the certificate that this server shows
(D33). So the handshake is the whole check: whoever shows another key, and so anybody with a JWT
that was changed on its way, gets no byte of ours. No CA is needed for that, and none helps.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from enlist_agent.address import server_address
from enlist_agent.client import Patience, Server, UnprovenError
from enlist_agent.outcomes import Granted, Refusal, UnreachableError, UsageError
from enlist_agent.secret import Secret, printable
from enlist_agent.trust import pem_of
from enlist_agent.unreadable import UNREADABLE

SUFFIX: Final = ".jwt"
ALGORITHM: Final = "RS256"
"""The only one that Enlist signs with. What the file says of itself chooses nothing."""
METHOD: Final = "ott"
LONGEST: Final = 8_000
PREFIX: Final = "/edge/client/v1"
_SHAPE: Final = re.compile(r"eyJ[\w-]*\.[\w-]*\.[\w-]*")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ANOTHER: Final = "Nothing was sent. Ask your administrator for the JWT once more."


@dataclass(frozen=True, slots=True)
class OneTimeJwt:
    """What a JWT says; true only once a server has proved to have signed it.

    Attributes:
        server: the base address of the device listener.
        token: what enrolls, once.
        text: the JWT itself.
    """

    server: str
    device_id: str
    token: Secret
    text: Secret


def given_jwt(given: Secret | None) -> OneTimeJwt | None:
    """The JWT that was given, as its text or as a file `NAME.jwt`; None for anything else.

    Raises:
        UsageError: the file cannot be read, or it is no JWT that Enlist ever makes.
    """
    if given is None:
        return None
    text = given.reveal().strip()
    if text.endswith(SUFFIX) and "://" not in text:
        return read_jwt(_content(Path(text)))
    return read_jwt(Secret(text)) if _SHAPE.fullmatch(text) else None


def read_jwt(text: Secret) -> OneTimeJwt:
    """What a JWT says, as far as that can be read without its server.

    Raises:
        UsageError: it is none, is not signed as Enlist signs, or is for something else.
    """
    try:
        read = jws.extract_compact(text.reveal().encode())
        claims = json.loads(read.payload)
        found = OneTimeJwt(_issuer(claims["iss"]), claims["sub"], _token(claims["jti"]), text)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"This is no JWT that enrolls a device. {_ANOTHER}") from None
    if read.headers().get("alg") != ALGORITHM:
        raise UsageError(f"This JWT is not signed with {ALGORITHM}, as Enlist signs. {_ANOTHER}")
    if claims.get("em") != METHOD or not isinstance(found.device_id, str):
        raise UsageError(
            f"This JWT is for another way to enroll than with a one-time token. {_ANOTHER}"
        )
    return found


class ProvingContext(ssl.SSLContext):
    """TLS with the server that signed a JWT. Its key counts; who else vouches for it does not.

    A handshake in which another key is shown fails, before anything can be sent.
    """

    def __new__(cls, _jwt: OneTimeJwt) -> ProvingContext:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, jwt: OneTimeJwt) -> None:
        self._jwt = jwt
        self.check_hostname = False
        self.verify_mode = ssl.CERT_NONE
        self.sslsocket_class = _ProvenSocket
        self.sslobject_class = _ProvenObject  # TLS inside TLS, through a proxy of that kind

    def prove(self, shown: bytes | None) -> None:
        """Raises:
        UnprovenError: the certificate's key did not sign the JWT.
        """
        try:
            certificate = x509.load_der_x509_certificate(shown or b"")
            public = certificate.public_key().public_bytes(
                Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            )
            key = RSAKey.import_key(public)
            jws.deserialize_compact(self._jwt.text.reveal(), key, [ALGORITHM])
        except (JoseError, *UNREADABLE):
            raise UnprovenError(
                f"{self._jwt.server} does not show the key that signed this JWT. The JWT was "
                "changed, the server has a new key, or somebody is between this device and the "
                f"server. {_ANOTHER}"
            ) from None


class _ProvenSocket(ssl.SSLSocket):
    context: Any

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        self.context.prove(self.getpeercert(binary_form=True))


class _ProvenObject(ssl.SSLObject):
    context: Any

    def do_handshake(self) -> None:
        super().do_handshake()
        self.context.prove(self.getpeercert(binary_form=True))


def redeem_jwt(
    jwt: OneTimeJwt, server: str, csr: str, extra_ca: str, patience: Patience
) -> Granted | Refusal:
    """Enroll with a JWT at the server that signed it, and learn whom to trust there later.

    Args:
        server: where that server is reached; mostly the JWT's own address.
        extra_ca: further certificates to keep, PEM.

    Raises:
        UnreachableError: no answer, or from a server that did not sign it; the token stays.
    """
    proven = Server(server, ProvingContext(jwt), patience, (jwt.token, jwt.text))
    body = json.dumps({"token": jwt.token.reveal(), "clientCsr": csr}).encode()
    authorities = _authorities(server, proven.fetch("/.well-known/est/cacerts"))
    headers = {"Content-Type": "application/json"}
    answer = proven.ask("POST", f"{PREFIX}/enroll/ott", body, headers)
    if isinstance(answer, Refusal):
        return answer
    try:
        leaf, *others = x509.load_pem_x509_certificates(answer["data"]["cert"].encode())
    except (KeyError, TypeError, AttributeError, *UNREADABLE):
        raise UnreachableError(f"{server} answered, but with no certificate.") from None
    path = _path(leaf, {*others, *authorities})
    beside = [each for each in authorities if each not in path]
    device_id = printable(jwt.device_id)
    return Granted(
        server=server,
        device_url=server,
        device_id=device_id,
        name="",
        certificate=pem_of([leaf]),
        chain=pem_of(path),
        extra_ca=pem_of(beside) + extra_ca,
    )


def _authorities(server: str, body: bytes) -> list[x509.Certificate]:
    """The CAs that a server names (RFC 7030 section 4.1.3)."""
    try:
        return pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
    except UNREADABLE:
        raise UnreachableError(f"{server} does not name its CAs as Enlist does.") from None


def _path(leaf: x509.Certificate, known: set[x509.Certificate]) -> list[x509.Certificate]:
    """From a certificate's issuer to the root, as far as they are known."""
    path: list[x509.Certificate] = []
    last = leaf
    while last.issuer != last.subject:
        issuer = next((each for each in known if _issued(each, last)), None)
        if issuer is None:
            break
        path.append(issuer)
        known = known - {issuer}
        last = issuer
    return path


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*UNREADABLE, TypeError, InvalidSignature):
        return False
    return True


def _content(path: Path) -> Secret:
    try:
        with path.open(encoding="utf-8") as file:
            return Secret(file.read(LONGEST).strip())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"{path} cannot be read: {reason}.") from None


def _issuer(text: str) -> str:
    """The server's address: HTTPS and no path, since the key is proved by TLS alone."""
    address = server_address(text)
    parts = urlsplit(address)
    if parts.scheme != "https" or parts.path:
        raise ValueError(address)
    return address


def _token(text: str) -> Secret:
    """The token: a UUID, written as such, because it is sent to whoever proves to be the server."""
    if not _UUID.fullmatch(text):
        raise ValueError("no UUID")
    return Secret(text)
