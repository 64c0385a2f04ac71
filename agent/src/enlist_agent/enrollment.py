"""Enrolling: show a secret and a certificate request, keep what comes back."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from enlist_agent.address import Target, server_address, target
from enlist_agent.client import Patience, Server
from enlist_agent.device import describe
from enlist_agent.one_time_jwt import OneTimeJwt, given_jwt, redeem_jwt
from enlist_agent.outcomes import Granted, Refusal, UnreachableError, UsageError
from enlist_agent.secret import Secret, printable
from enlist_agent.state import CERTIFICATE, CHAIN, EXTRA_CA, Kept, StateDirectory, private_text
from enlist_agent.trust import NamedCa
from enlist_agent.unreadable import UNREADABLE


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The device is enrolled; its key, certificate and chain are in `state`."""

    device_id: str
    name: str
    server: str
    expires_at: datetime
    state: Path


@dataclass(frozen=True, slots=True)
class Enroll:
    """Enroll this device with a link, token, code or JWT, or with a sign-in: that of an account
    beside a Group ID, or that of one-time credentials alone.

    Running it again after a crash or a lost answer, with the same arguments, repeats the very same
    request: same key pair, same `Idempotency-Key` (X23).

    Attributes:
        secret: the link, token or code, or a JWT as a text or the name of its file; None when a
            sign-in stands for it.
        state: a directory of its own, made when missing.
        server: the server's address; a link already names it.
        name: what the device reports as its name; its host name when None.
        ca: a PEM file with further certificates to trust.
        ca_fingerprint: SHA-256 of the server's own CA, the only one to trust then.
        ownership, asset_number, email: answers to what the organization asks about the device.
    """

    secret: Secret | None
    _: KW_ONLY
    state: Path
    server: str | None = None
    group_id: str | None = None
    username: str | None = None
    password: Secret | None = None
    name: str | None = None
    ca: Path | None = None
    ca_fingerprint: str | None = None
    accepted_terms: str | None = None
    ownership: str | None = None
    asset_number: str | None = None
    email: str | None = None
    patience: Patience = field(default_factory=Patience)

    def run(self) -> Enrolled | Refusal:
        """Enroll, unless the state directory holds an enrolled device already.

        Raises:
            UsageError: an argument must be changed, or the state directory cannot be used.
            UnreachableError: no answer, none that can be trusted, or a certificate that does not
                fit.
        """
        # The user name of one-time credentials names its organization itself: `BCDFGHJK@acme`.
        placed = self.group_id or "@" in (self.username or "")
        if self.secret is None and not (self.username and placed):
            raise UsageError(
                "Give a link, a token or a code; or --group-id together with --username; or the "
                "user name of one-time credentials by --username alone."
            )
        jwt = given_jwt(self.secret)
        goal = target(self.secret, self.server) if jwt is None else self._goal(jwt)
        named = NamedCa.read(self.ca, self.ca_fingerprint)
        folder = StateDirectory(self.state)
        folder.prepare()
        if folder.read() is not None:
            return Refusal(
                "already_enrolled",
                f"{self.state} already holds an enrolled device",
                "Give another --state directory, or remove this one if its device was reset, or is "
                "gone for good.",
            )
        key = folder.key()
        csr = folder.request(key)
        if jwt is not None:
            granted = redeem_jwt(jwt, goal.server, csr, named.certificates, self.patience)
        else:
            granted = self._redeem(goal, named, key, csr)
        return granted if isinstance(granted, Refusal) else _keep(folder, key, granted)

    def _goal(self, jwt: OneTimeJwt) -> Target:
        """Where a JWT goes; all else is settled by whoever made it."""
        beside = (self.group_id, self.username, self.password, self.name, self.ca_fingerprint)
        if any((*beside, self.accepted_terms, *self._answers.values())):
            raise UsageError(
                "A JWT says all that is needed: leave out --group-id, --username, --name, "
                "--ca-fingerprint, --accept-terms, --ownership, --asset-number and --email."
            )
        server = server_address(self.server) if self.server else jwt.server
        if not server.startswith("https:"):
            raise UsageError("A JWT goes to an https:// address only: its server is known by TLS.")
        return Target(server, jwt.token)

    @property
    def _answers(self) -> dict[str, str]:
        said = {
            "ownership": self.ownership,
            "asset_number": self.asset_number,
            "email": self.email,
        }
        return {name: each for name, each in said.items() if each}

    def _redeem(
        self, goal: Target, named: NamedCa, key: ec.EllipticCurvePrivateKey, csr: str
    ) -> Granted | Refusal:
        """Ask for the certificate: with what was given, in the same bytes each time."""
        trust, extra_ca = named.trust(goal.server, self.patience)
        secrets = {"token": goal.secret, "password": self.password}
        hidden = {name: each for name, each in secrets.items() if each is not None}
        asked = {
            "group_id": self.group_id,
            "username": self.username,
            "accepted_terms": self.accepted_terms,
        }
        given = {name: each for name, each in asked.items() if each}
        revealed = {name: each.reveal() for name, each in hidden.items()}
        device = describe(self.name) | self._answers
        request = {"device": device, "csr": csr, **given, **revealed}
        body = json.dumps(request, sort_keys=True).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": _request_name(key, body)}
        server = Server(goal.server, trust, self.patience, tuple(hidden.values()))
        answer = server.ask("POST", "/api/v1/redeem", body, headers)
        if isinstance(answer, Refusal):
            return answer
        try:
            return Granted(
                server=goal.server,
                device_url=printable(answer.get("device_url") or ""),
                device_id=printable(answer["device"]["id"]),
                name=printable(answer["device"].get("name") or ""),
                certificate=answer["certificate"],
                chain=answer["chain"],
                extra_ca=extra_ca,
            )
        except (KeyError, TypeError, AttributeError):
            raise _unfit(goal.server) from None


def _request_name(key: ec.EllipticCurvePrivateKey, body: bytes) -> str:
    """The `Idempotency-Key` of exactly this request; it needs no file and betrays no secret.

    The same request gets the same name in every process; a corrected password makes another
    request, which must have another name (422 `idempotency_key_reused` otherwise).
    """
    naming_key = hashlib.sha256(b"enlist-agent idempotency\x00" + private_text(key).encode())
    return hmac.new(naming_key.digest(), body, "sha256").hexdigest()[:32]


def _keep(folder: StateDirectory, key: ec.EllipticCurvePrivateKey, granted: Granted) -> Enrolled:
    """Check what the server gave, and put it on the disk."""
    name = granted.name or granted.device_id
    try:
        certificate = checked(granted.certificate, granted.chain, key)
    except (TypeError, AttributeError, *UNREADABLE, InvalidSignature):
        raise _unfit(granted.server) from None
    try:
        if granted.extra_ca:
            folder.write(EXTRA_CA, granted.extra_ca)
        folder.write(CHAIN, granted.chain)
        folder.write(CERTIFICATE, granted.certificate)
        folder.keep(Kept(granted.server, granted.device_url, granted.device_id, name))
    except UsageError as error:
        raise UsageError(
            f"{error} The server has enrolled this device already: mend that, and repeat the same "
            "command at once."
        ) from None
    expires_at = certificate.not_valid_after_utc
    return Enrolled(granted.device_id, name, granted.server, expires_at, folder.path)


def _unfit(server: str) -> UnreachableError:
    return UnreachableError(
        f"{server} answered, but not with a certificate for this device's key. Nothing was "
        "kept. Tell your administrator."
    )


def checked(certificate: str, chain: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """The leaf, when it is for our key and each certificate signed the one before it."""
    leaf = x509.load_pem_x509_certificate(certificate.encode())
    if leaf.public_key() != key.public_key():
        raise ValueError("another key")
    for signed, signer in pairwise([leaf, *x509.load_pem_x509_certificates(chain.encode())]):
        signed.verify_directly_issued_by(signer)
    return leaf
