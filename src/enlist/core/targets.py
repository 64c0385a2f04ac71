"""Where Enlist may be sent by an address that somebody typed into it (X59, S59).

Enlist stands inside a network, and whoever may set an address must not use it to reach what only it
can: this machine, its neighbours, a cloud's metadata. So only public addresses count, over HTTPS,
unless the operator allowed a host and port by name. A name is judged by the addresses that it has
when it is connected to, not when it is typed (`enlist.delivery.guard`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

LONGEST: Final = 1_000
_PORTS: Final = {"https": 443, "http": 80}
_TRANSLATED: Final = ip_network("64:ff9b::/96")
_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+")


def place(host: str, port: int) -> str:
    """A host and port as the operator allows them: `siem.example.com:443`."""
    return f"[{host.lower()}]:{port}" if ":" in host else f"{host.lower()}:{port}"


def problem(url: str, allowed: Collection[str]) -> str | None:
    """What is wrong with an address that somebody typed, or None."""
    parts = _parts(url)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        return "must be an address such as https://hooks.example.com/enlist"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user name or password"
    if parts.fragment:
        return "must not have a part after #"
    if place(parts.hostname, port_of(parts)) in allowed:
        return None
    if parts.scheme != "https":
        return "must begin with https://"
    literal = _literal(parts.hostname)
    if parts.hostname == "localhost" or (literal is not None and not public(literal)):
        return "must not lead to this machine or a private network, unless the server allows it"
    return None


def port_of(parts: SplitResult) -> int:
    """The port of an address."""
    return parts.port or _PORTS[parts.scheme]


def shown(url: str) -> str:
    """An address without its query, which may hold a secret."""
    return url.partition("?")[0]


def public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the internet, also behind the ways to write IPv4 as IPv6."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo is not None:
            return False
        if address in _TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return public(inner)
    return address.is_global and not address.is_multicast


def _parts(url: str) -> SplitResult | None:
    if len(url) > LONGEST or not url.isascii() or any(each.isspace() for each in url):
        return None
    try:
        parts = urlsplit(url)
        return (
            parts if parts.port != 0 and _HOST.fullmatch(parts.netloc.rpartition("@")[2]) else None
        )
    except ValueError:
        return None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
