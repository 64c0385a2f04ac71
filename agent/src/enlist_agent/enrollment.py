"""Enrolling: show a secret and a certificate request, keep what comes back."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from enlist_agent.address import target
from enlist_agent.client import Answer, Patience, Server
from enlist_agent.device import describe
from enlist_agent.outcomes import Refusal, UnreachableError, UsageError
from enlist_agent.secret import Secret, printable
from enlist_agent.state import CERTIFICATE, CHAIN, EXTRA_CA, Kept, StateDirectory, private_text
from enlist_agent.trust import fetch_ca, only, read_ca, read_fingerprint, system_and


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The device is enrolled; its key, certificate and chain are in `state`."""

    device_id: str
    name: str
    server: str
    expires_at: datetime
    state: Path


def enroll(
    secret: Secret | None,
    *,
    state: Path,
    server: str | None = None,
    group_id: str | None = None,
    username: str | None = None,
    password: Secret | None = None,
    name: str | None = None,
    ca: Path | None = None,
    ca_fingerprint: str | None = None,
    patience: Patience | None = None,
) -> Enrolled | Refusal:
    """Enroll this device with a link, token or code, or with a Group ID and a sign-in.

    Calling it again after a crash or a lost answer, with the same arguments, repeats the very same
    request: same key pair, same `Idempotency-Key` (X23).

    Args:
        secret: the link, token or code; None when a Group ID and a sign-in stand for it.
        state: a directory of its own, made when missing.
        server: the server's address; a link already names it.
        name: what the device reports as its name; its host name when None.
        ca: a PEM file with further certificates to trust.
        ca_fingerprint: SHA-256 of the server's own CA, the only one to trust then.

    Raises:
        UsageError: an argument must be changed, or the state directory cannot be used.
        UnreachableError: no answer, none that can be trusted, or a certificate that does not fit.
    """
    if secret is None and not (group_id and username):
        raise UsageError("Give a link, a token or a code; or --group-id together with --username.")
    goal = target(secret, server)
    named = _NamedCa.read(ca, ca_fingerprint)
    folder = StateDirectory(state)
    folder.prepare()
    if folder.read() is not None:
        return Refusal(
            "already_enrolled",
            f"{state} already holds an enrolled device",
            "Give another --state directory, or remove this one if its device is gone for good.",
        )
    key = folder.key()
    request = {
        "device": describe(name),
        "csr": folder.request(key),
        "group_id": group_id,
        "username": username,
    }
    waiting = patience or Patience()
    trust, extra_ca = named.trust(goal.server, waiting)
    secrets = {"token": goal.secret, "password": password}
    answer = _redeem(goal.server, trust, waiting, key, request, secrets)
    if isinstance(answer, Refusal):
        return answer
    return _keep(folder, key, goal.server, extra_ca, answer)


def _redeem(
    address: str,
    trust: ssl.SSLContext,
    patience: Patience,
    key: ec.EllipticCurvePrivateKey,
    request: Mapping[str, object],
    secrets: Mapping[str, Secret | None],
) -> Answer | Refusal:
    """Ask for the certificate; the same bytes and the same name for the same request.

    Only what was given is sent.
    """
    hidden = {name: each for name, each in secrets.items() if each is not None}
    revealed = {name: each.reveal() for name, each in hidden.items()}
    given = {name: value for name, value in request.items() if value}
    body = json.dumps({**given, **revealed}, sort_keys=True).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": _request_name(key, body)}
    server = Server(address, trust, patience, tuple(hidden.values()))
    return server.ask("POST", "/api/v1/redeem", body, headers)


@dataclass(frozen=True, slots=True)
class _NamedCa:
    """The CA that the person named, if any: its certificates, or the SHA-256 of its certificate."""

    certificates: str = ""
    fingerprint: bytes = b""

    @classmethod
    def read(cls, file: Path | None, fingerprint: str | None) -> _NamedCa:
        if file and fingerprint:
            raise UsageError("Give --ca or --ca-fingerprint, not both.")
        if fingerprint:
            return cls(fingerprint=read_fingerprint(fingerprint))
        return cls(read_ca(file) if file else "")

    def trust(self, server: str, patience: Patience) -> tuple[ssl.SSLContext, str]:
        """Whom to trust at this server, and the certificates to keep for later."""
        if self.fingerprint:
            found = fetch_ca(server, self.fingerprint, patience)
            return only(found), found
        return system_and(self.certificates), self.certificates


def _request_name(key: ec.EllipticCurvePrivateKey, body: bytes) -> str:
    """The `Idempotency-Key` of exactly this request; it needs no file and betrays no secret.

    The same request gets the same name in every process; a corrected password makes another
    request, which must have another name (422 `idempotency_key_reused` otherwise).
    """
    naming_key = hashlib.sha256(b"enlist-agent idempotency\x00" + private_text(key).encode())
    return hmac.new(naming_key.digest(), body, "sha256").hexdigest()[:32]


def _keep(
    folder: StateDirectory,
    key: ec.EllipticCurvePrivateKey,
    server: str,
    extra_ca: str,
    answer: Answer,
) -> Enrolled:
    """Check what the server gave, and put it on the disk."""
    try:
        device_id = printable(answer["device"]["id"])
        name = printable(answer["device"].get("name") or device_id)
        certificate = _checked(answer["certificate"], answer["chain"], key)
    except (KeyError, TypeError, AttributeError, ValueError, InvalidSignature):
        raise UnreachableError(
            f"{server} answered, but not with a certificate for this device's key. Nothing was "
            "kept. Tell your administrator."
        ) from None
    try:
        if extra_ca:
            folder.write(EXTRA_CA, extra_ca)
        folder.write(CHAIN, answer["chain"])
        folder.write(CERTIFICATE, answer["certificate"])
        folder.keep(Kept(server, printable(answer.get("device_url") or ""), device_id, name))
    except UsageError as error:
        raise UsageError(
            f"{error} The server has enrolled this device already: mend that, and repeat the same "
            "command at once."
        ) from None
    return Enrolled(device_id, name, server, certificate.not_valid_after_utc, folder.path)


def _checked(certificate: str, chain: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """The leaf, when it is for our key and each certificate signed the one before it."""
    leaf = x509.load_pem_x509_certificate(certificate.encode())
    if leaf.public_key() != key.public_key():
        raise ValueError("another key")
    for signed, signer in pairwise([leaf, *x509.load_pem_x509_certificates(chain.encode())]):
        signed.verify_directly_issued_by(signer)
    return leaf
