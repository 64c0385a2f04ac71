"""Repeating a redemption: the same device asks again, or somebody else comes second.

A network can fail after the commit and before the answer. A device that asks again within ten
minutes, with the same key or the same Idempotency-Key, gets the same answer, and nothing is made
twice (X23, ruling 25). Another key for a used token is refused, and flagged with both sources:
perhaps somebody read the message before its owner did (X24, X37).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from enlist.core.clock import MINUTE
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Credential, Device
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.pki.csr import Csr
from enlist.store import credentials, devices, events, limits
from enlist.store.events import FirstUse
from enlist.store.limits import IdempotencyKey
from enlist.store.redemptions import Redemption
from enlist.store.tx import Reader
from enlist.verbs.admitting import Admitted
from enlist.verbs.driver import Answered
from enlist.verbs.presenting import Found

REPEATABLE: Final = 10 * MINUTE
"""How long a lost answer can be had again (X23)."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device that is enrolled now, and its certificate (PEM), unless it enrolled bare."""

    device_id: Id
    device_name: str
    platform: str
    username: str
    certificate: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Earlier:
    """What this key or this Idempotency-Key led to before, and how the token was used first.

    `reused`: the Idempotency-Key stands for another request; told to nobody but holders.
    `same_key`: it was used with this very key, however long ago, and though it was reset since.
    """

    device: Device | None
    credential: Credential | None
    first_use: FirstUse | None
    reused: Refusal | None = None
    same_key: bool = False


def look_back(
    tx: Reader, found: Found, csr: Csr | Refusal | None, idempotency: IdempotencyKey | None
) -> Earlier:
    """Look for an earlier redemption by the same device."""
    device, credential, reused = None, None, None
    if idempotency is not None:
        known = limits.recall(tx, idempotency)
        if known is not None and not known.same_request:
            about = found.sighting.subjects if found.sighting else Subjects()
            reused = Refusal("idempotency_key_reused", about=about, holder=True)
        elif known is not None:
            device = devices.find(tx, known.made_id)
    if isinstance(csr, Csr):
        credential = _by_key(tx, found, csr.spki_digest)
        if credential is not None:
            device = devices.find(tx, credential.device_id)
    first, same_key = None, credential is not None
    if found.sighting is not None and found.sighting.used_at is not None:
        enrollment_id = found.sighting.enrollment_id
        first = events.first_use(tx, enrollment_id)
        if isinstance(csr, Csr) and not same_key:
            same_key = credentials.held_key(tx, enrollment_id, csr.spki_digest)
    return Earlier(device, credential, first, reused, same_key)


def _by_key(tx: Reader, found: Found, key_digest: bytes) -> Credential | None:
    since = tx.now - REPEATABLE
    if found.sighting is not None:
        if found.sighting.used_at is None:
            return None
        enrollment_id = found.sighting.enrollment_id
        return credentials.of_enrollment_key(tx, enrollment_id, key_digest, since)
    if found.login is not None:
        return credentials.of_user_key(tx, found.login.user_id, key_digest, since)
    return None


def answer_again(
    found: Found, earlier: Earlier, admitted: Admitted | Refusal
) -> Answered[Enrolled] | None:
    """The same answer, once the token is found to be used, or the login to be right again."""
    device = earlier.device
    if device is None:
        return None
    if isinstance(admitted, Refusal):
        if admitted.code not in ("token_used", "attempt_over", "device_limit_reached"):
            return None
        if earlier.credential is None and not _enrolled_so(found, device):
            return None
        about = admitted.about
    elif found.sighting is None:
        about = Subjects(device.organization_id, admitted.user_id, device.id)
    else:
        return None
    value = Enrolled(
        device.id,
        device.name,
        device.platform.value,
        device.username,
        earlier.credential.certificate if earlier.credential else "",
        repeated=True,
    )
    return Answered(Done(value), Happening("enrollment.repeated", about))


def _enrolled_so(found: Found, device: Device) -> bool:
    """Whether a device is still enrolled by what was presented: it may have been reset since, and
    be another's by now."""
    if device.state is not DeviceState.ENROLLED:
        return False
    return found.sighting is None or found.sighting.used_at == device.enrolled_at


def enrolled(claim: Redemption) -> Enrolled:
    """The answer to a claim that was applied."""
    personal, data = claim.happening.personal, claim.happening.data
    return Enrolled(
        claim.device_id,
        personal.get("device", ""),
        str(data["platform"]),
        personal.get("user", ""),
        claim.certificate.certificate if claim.certificate else "",
    )


def is_own(tx: Reader, claim: Redemption) -> bool:
    """Whether the claim was lost to a parallel request of the very same device."""
    known = limits.recall(tx, claim.idempotency) if claim.idempotency is not None else None
    if known is not None and devices.find(tx, known.made_id) is not None:
        return True
    if claim.certificate is None:
        return False
    key, since = claim.certificate.key_digest, tx.now - REPEATABLE
    return credentials.of_enrollment_key(tx, claim.enrollment_id, key, since) is not None


def flag(refusal: Refusal, first: FirstUse | None, *, key: bool) -> Refusal:
    """Tell the log how a used token was used first; `key`: another key was presented."""
    if refusal.code not in ("token_used", "idempotency_key_reused") or first is None:
        return refusal
    data: dict[str, str | int] = {"first_used_at": first.at}
    if key:
        data["flag"] = "possible_interception"
    personal = {f"first_{name}": value for name, value in first.personal.items()}
    return replace(refusal, data=data, personal=personal)
