"""How an enrolled device stands: what its certificate says, and what the server says of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from enlist_agent.address import server_address
from enlist_agent.client import Answer, Patience, Server
from enlist_agent.identity import device_tls, leaf_of
from enlist_agent.outcomes import Refusal, UnreachableError
from enlist_agent.secret import printable
from enlist_agent.state import StateDirectory


class Standing(StrEnum):
    """The verdict in one word."""

    ENROLLED = "enrolled"
    EXPIRED = "expired"
    REVOKED = "revoked"
    BLOCKED = "blocked"
    UNENROLLED = "unenrolled"
    REFUSED = "refused"
    UNKNOWN = "unknown"


TOLD = {
    Standing.ENROLLED: "the server knows this device, and its certificate is good.",
    Standing.EXPIRED: "the certificate has run out. Ask your administrator for a new enrollment.",
    Standing.REVOKED: "the certificate was withdrawn and opens nothing any more. Ask your "
    "administrator for a new enrollment.",
    Standing.BLOCKED: "your administrator blocked this device. Ask why.",
    Standing.UNENROLLED: "the server let go of this device. Ask your administrator for a new "
    "enrollment.",
}


@dataclass(frozen=True, slots=True)
class Status:
    """How the device stands.

    Attributes:
        subject, serial, expires_at: of the certificate in the state directory.
        server_expires_at: its end as the server has it, in RFC 3339; empty when it did not say.
        standing, told: the verdict, and a sentence that says what to do.
    """

    device_id: str
    name: str
    server: str
    subject: str
    serial: str
    expires_at: datetime
    server_expires_at: str
    standing: Standing
    told: str


def status(
    state: Path,
    *,
    now: datetime,
    device_url: str | None = None,
    ca: Path | None = None,
    patience: Patience | None = None,
) -> Status | Refusal:
    """Read the certificate and ask the server about it, with it (`GET /device`, mutual TLS).

    The device listener's certificate comes from the CA that signed ours, so that CA is trusted
    there, and what `--ca` names, now or at enrollment; what the system trusts does not count.

    Args:
        state: the directory given to `Enroll`.
        now: the present moment, with its zone.
        device_url: the device listener's address; by default the one learned at enrollment.

    Raises:
        UsageError: an argument must be changed, or the state directory is damaged, or another
            process renews the certificate and does not come to an end with it.
    """
    folder = StateDirectory(state)
    kept = folder.read()
    if kept is None:
        told = f"{state} holds no enrolled device"
        return Refusal("not_enrolled", told, "Check --state, or enroll first.")
    patience = patience or Patience(10.0)
    with folder.settled(patience):
        leaf = leaf_of(folder)
        answer = _ask(folder, device_url or kept.device_url, ca, patience)
    standing, verdict = _verdict(answer, over=leaf.not_valid_after_utc <= now)
    return Status(
        device_id=kept.device_id,
        name=_name(answer) or kept.name,
        server=kept.server,
        subject=leaf.subject.rfc4514_string(),
        serial=f"{leaf.serial_number:x}",
        expires_at=leaf.not_valid_after_utc,
        server_expires_at=_about_certificate(answer, "not_after"),
        standing=standing,
        told=verdict,
    )


def _ask(
    folder: StateDirectory, device_url: str, ca: Path | None, patience: Patience
) -> Answer | Refusal | UnreachableError:
    """What the device listener says; that it says nothing is an answer here, too."""
    if not device_url:
        return UnreachableError("No device listener is known; give --device-url.")
    server = Server(server_address(device_url), device_tls(folder, ca), patience)
    try:
        return server.ask("GET", "/device")
    except UnreachableError as error:
        return error


def _verdict(answer: Answer | Refusal | UnreachableError, *, over: bool) -> tuple[Standing, str]:
    """What the server says; that the certificate is over counts where it says nothing exact."""
    standing, told = said(answer)
    if over and standing in (Standing.UNKNOWN, Standing.REFUSED):
        return Standing.EXPIRED, TOLD[Standing.EXPIRED]
    return standing, told


def said(answer: Answer | Refusal | UnreachableError) -> tuple[Standing, str]:
    """What an answer to a device says of it, in one word and in a sentence."""
    if isinstance(answer, UnreachableError):
        return Standing.UNKNOWN, str(answer)
    if isinstance(answer, Refusal):
        named = (each for each in TOLD if each is not Standing.ENROLLED and each in answer.code)
        return next(named, Standing.REFUSED), str(answer)
    if _about_certificate(answer, "revoked_at"):
        return Standing.REVOKED, TOLD[Standing.REVOKED]
    said = printable(answer.get("state"))
    if said in TOLD:
        return Standing(said), TOLD[Standing(said)]
    return Standing.REFUSED, f"the server calls this device {said}."


def _name(answer: Answer | Refusal | UnreachableError) -> str:
    """The device's name as the server has it: it may have changed, or never been told."""
    return printable(answer.get("name") or "") if isinstance(answer, dict) else ""


def _about_certificate(answer: Answer | Refusal | UnreachableError, name: str) -> str:
    certificate = answer.get("certificate") if isinstance(answer, dict) else None
    return printable(certificate.get(name) or "") if isinstance(certificate, dict) else ""
