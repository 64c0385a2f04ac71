"""How asking can end: what is given and a refusal are values, everything else an exception.

A `Refusal` is a clear no, by the server or by what stands in the state directory. `UsageError`
means that the command itself must be changed, `UnreachableError` that no trustworthy Enlist server
answered. No message ever holds a secret.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A clear no (RFC 9457).

    Attributes:
        code: the refusal's stable name, for programs.
        title: what is wrong, in a few words.
        detail: what to do about it.
        support_code: what an administrator finds the exact reason by; empty when made here.
        questions: what the organization asks about the device first; see `prompts`.
    """

    code: str
    title: str
    detail: str = ""
    support_code: str = ""
    questions: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f"{self.title.rstrip('.')}. {self.detail}".strip()
        return f"{told} (support code {self.support_code})" if self.support_code else told


@dataclass(frozen=True, slots=True)
class Granted:
    """What a server gave for a certificate request, as it said it: nothing is checked yet.

    Attributes:
        device_url: the device listener; empty when it was not named.
        certificate, chain: PEM; the chain goes on from the certificate's issuer.
        extra_ca: further certificates to trust, PEM.
    """

    server: str
    device_url: str
    device_id: str
    name: str
    certificate: str
    chain: str
    extra_ca: str


class UsageError(ValueError):
    """The command cannot work as it was given; the message says what to change."""


class UnusableError(UsageError):
    """The state directory cannot be used just now: the disk is full, or another process has it."""


class UnreachableError(Exception):
    """No Enlist server that can be trusted gave an answer that can be used."""


class HandshakeError(UnreachableError):
    """The server was there, but TLS was refused, by it or for want of a common way."""
