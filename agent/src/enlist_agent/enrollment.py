"""Enrolling: show a secret and a certificate request, keep what comes back."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from enlist_agent.address import target
from enlist_agent.client import Answer, Patience, Server, read_ca, web_trust
from enlist_agent.device import describe
from enlist_agent.outcomes import Refusal, UnreachableError, UsageError
from enlist_agent.secret import Secret, printable
from enlist_agent.state import CERTIFICATE, CHAIN, EXTRA_CA, STATE, StateDirectory, private_text


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

    Raises:
        UsageError: an argument must be changed, or the state directory cannot be used.
        UnreachableError: no answer, none that can be trusted, or a certificate that does not fit.
    """
    if secret is None and not (group_id and username):
        raise UsageError("Give a link, a token or a code; or --group-id together with --username.")
    goal = target(secret, server)
    extra_ca = read_ca(ca) if ca else ""
    folder = StateDirectory(state)
    folder.prepare()
    if folder.read() is not None:
        return Refusal(
            "already_enrolled",
            f"{state} already holds an enrolled device",
            "Give another --state directory, or remove this one if its device is gone for good.",
        )
    key = folder.key()
    asked: dict[str, Any] = {"device": describe(name), "csr": folder.request(key)}
    asked |= {"group_id": group_id} if group_id else {}
    asked |= {"username": username} if username else {}
    body = _with_secrets(asked, goal.secret, password)
    headers = {"Content-Type": "application/json", "Idempotency-Key": _request_name(key, body)}
    hidden = tuple(each for each in (goal.secret, password) if each is not None)
    answer = Server(goal.server, web_trust(extra_ca), patience or Patience(), hidden).ask(
        "POST", "/api/v1/redeem", body, headers
    )
    if isinstance(answer, Refusal):
        return answer
    return _keep(folder, key, goal.server, extra_ca, answer)


def _with_secrets(asked: dict[str, Any], token: Secret | None, password: Secret | None) -> bytes:
    """The request's body; the same bytes for the same request."""
    revealed = {} if token is None else {"token": token.reveal()}
    revealed |= {} if password is None else {"password": password.reveal()}
    return json.dumps(asked | revealed, sort_keys=True).encode()


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
    try:
        device_id = printable(answer["device"]["id"])
        name = printable(answer["device"].get("name") or device_id)
        certificate = _checked(answer["certificate"], answer["chain"], key)
    except (KeyError, TypeError, AttributeError, ValueError, InvalidSignature):
        raise UnreachableError(
            f"{server} answered, but not with a certificate for this device's key. Nothing was "
            "kept. Tell your administrator."
        ) from None
    kept = {
        "server": server,
        "device_url": answer.get("device_url"),
        "device": {"id": device_id, "name": name},
    }
    if extra_ca:
        folder.write(EXTRA_CA, extra_ca)
    folder.write(CHAIN, answer["chain"])
    folder.write(CERTIFICATE, answer["certificate"])
    folder.write(STATE, json.dumps(kept, indent=2) + "\n")
    return Enrolled(device_id, name, server, certificate.not_valid_after_utc, folder.path)


def _checked(certificate: str, chain: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """The leaf, when it is for our key and each certificate signed the one before it."""
    leaf = x509.load_pem_x509_certificate(certificate.encode())
    if leaf.public_key() != key.public_key():
        raise ValueError("another key")
    for signed, signer in pairwise([leaf, *x509.load_pem_x509_certificates(chain.encode())]):
        signed.verify_directly_issued_by(signer)
    return leaf
