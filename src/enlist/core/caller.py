"""Who is asking, and from where: what every verb gets beside its own request."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from enlist.core.ids import Id
from enlist.core.permissions import Permission, Right, permitted


class CallerKind(StrEnum):
    """What proved the caller."""

    STRANGER = "stranger"
    USER = "user"
    API_KEY = "api_key"
    HOST = "host"
    DEVICE = "device"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Caller:
    """An actor, read afresh for each request, so that a right taken away is gone at once (S54).

    Attributes:
        id: the user, API key or device; None for strangers, the host and Enlist itself.
        name: how the audit log calls him: user name, API key's name, operating system's user.
        rights: what he may do, and where.
        home: the organization that he sees when he names none: its path, "" for none.
        address: network address of the peer, after trusted proxies; "" when there is none.
        sign_in_id: the sign-in that the request came with.
        proved_at: when he last proved himself with a password, microseconds UTC; 0 for never.
        language: preferred language for texts, as a BCP 47 tag.
        stale: that he was seen is worth writing down again.
        must_set_up: a role of his needs a second factor that he has not set up; he has no rights,
            and may do nothing but that.
    """

    kind: CallerKind
    id: Id | None = None
    name: str = ""
    rights: tuple[Right, ...] = ()
    home: str = ""
    organization_id: Id | None = None
    address: str = ""
    user_agent: str = ""
    sign_in_id: Id | None = None
    proved_at: int = 0
    language: str = "en"
    stale: bool = False
    must_set_up: bool = False

    def may(self, permission: Permission, path: str) -> bool:
        """Whether the caller holds `permission` at the organization with this path."""
        return permitted(self.rights, permission, path)

    @property
    def source(self) -> str:
        """What the throttle counts by: an IPv4 address, or an IPv6 /64 (ruling 10)."""
        return throttle_source(self.address)


@lru_cache(maxsize=4096)
def throttle_source(address: str) -> str:
    """The network that an address is counted under: IPv4 /32, IPv6 /64 (S40)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


SYSTEM = Caller(CallerKind.SYSTEM, name="enlist")
"""Enlist itself: workers, start-up."""
