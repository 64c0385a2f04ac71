"""What would end: the consequences of resetting, reassigning or replacing a device, told first.

Whoever confirms what he was shown sends its digest along. Where the situation has changed since,
he is refused (`preview_outdated`) and looks again, so that nothing ends which he did not see
(D10, X45). A session that comes back from where it was changes nothing: what counts is how many
there are, and in which networks.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.events import canonical
from enlist.core.lifecycle import shown_state
from enlist.core.model import Credential, Device, Enrollment
from enlist.core.outcomes import Refusal, Subjects
from enlist.store import credentials, enrollments, sign_ins
from enlist.store.tx import Reader
from enlist.verbs.device_sessions import live_sessions
from enlist.verbs.sign_in import IDLE

_NETWORK: Final = {4: 24, 6: 48}
"""How many leading bits of an address are a network, by IP version."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """What ends when a device is reset, given away or replaced.

    Attributes:
        credentials: revoked with it; oldest first.
        enrollments: their tokens, links and JWTs stop working.
        sessions: how many live sessions drop, and the `networks` that they come from.
        sign_ins: how many sign-ins of its owner end.
    """

    credentials: tuple[Credential, ...] = ()
    enrollments: tuple[Enrollment, ...] = ()
    sessions: int = 0
    networks: tuple[str, ...] = ()
    sign_ins: int = 0


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a dry run answers: what would end, and the digest to confirm it with."""

    consequences: Consequences
    preview: str


NOTHING_ENDS: Final = Foreseen(Consequences(), "")
"""Where it is not told any more."""


def foresee(tx: Reader, device: Device, *, end_sign_ins: bool = False) -> Consequences:
    """What would end now."""
    live = live_sessions(tx, device.id)
    sign_ins_ending = 0
    if end_sign_ins and device.user_id is not None:
        sign_ins_ending = len(sign_ins.of_user(tx, device.user_id, tx.now - IDLE))
    return Consequences(
        tuple(credentials.living(tx, device.id)),
        tuple(enrollments.live_of_device(tx, device.id)),
        len(live),
        tuple(sorted({network(each.address) for each in live} - {""})),
        sign_ins_ending,
    )


def network(address: str) -> str:
    """The network that an address lies in: IPv4 /24, IPv6 /48; what is no address as it is."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    place = mapped or found
    return str(ipaddress.ip_network((place, _NETWORK[place.version]), strict=False))


def standing(device: Device) -> tuple[str | None, ...]:
    """What of a device itself somebody should know who confirms."""
    return device.id, device.state.value, device.user_id, device.organization_id


def bind(act: str, about: Sequence[str | None], found: Consequences, now: int) -> Foreseen:
    """What was found, with the digest that binds a confirmation to it.

    Args:
        act: what would be done.
        about: what it would be done to, as it stands, and what was decided before looking.
    """
    shown = {
        "act": act,
        "about": about,
        "credentials": sorted(each.id for each in found.credentials),
        "enrollments": sorted(
            [each.id, str(each.generation), shown_state(each.state, each.expires_at, now)]
            for each in found.enrollments
        ),
        "sessions": [found.sessions, *found.networks],
        "sign_ins": found.sign_ins,
    }
    return Foreseen(found, hashlib.sha256(canonical(shown).encode()).hexdigest())


def outdated(wanted: str, found: Foreseen, about: Subjects) -> Refusal | None:
    """`preview_outdated` where something was confirmed that is not the situation any more."""
    if wanted in ("", found.preview):
        return None
    return Refusal("preview_outdated", about=about)
