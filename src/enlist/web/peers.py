"""Where a request really comes from.

Forwarding headers are believed only when they come from a trusted proxy, read from the right, and
only as far as trusted proxies reach; whatever a client writes itself is ignored (ASVS 4.1.3).
Addresses for links are never taken from a request at all.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=64)
def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Networks from their texts.

    Raises:
        ValueError: one is no network.
    """
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def within(address: str, texts: tuple[str, ...]) -> bool:
    """Whether an address lies in one of the networks."""
    if not texts:
        return False
    try:
        parsed = ipaddress.ip_address(_plain(address))
    except ValueError:
        return False
    return any(parsed in network for network in networks(texts))


def address_of(scope: Scope, trusted: tuple[str, ...]) -> str:
    """The address of whoever sent the request: the peer, or what trusted proxies say of it."""
    client = scope.get("client")
    peer = _plain(client[0]) if client else ""
    if not within(peer, trusted):
        return peer
    for hop in reversed(_hops(scope)):
        if not hop:
            break  # what stands before an unreadable hop is nobody's word
        peer = hop
        if not within(hop, trusted):
            break
    return peer


def _hops(scope: Scope) -> Sequence[str]:
    """Addresses that proxies added, first hop first; "" for each that cannot be read.

    One header alone, the one that proxies write: they pass `Forwarded` (RFC 7239) on as the
    client sent it, so believing both would be believing the client.
    """
    return [_clean(part) for part in _joined(scope, b"x-forwarded-for").split(",")]


def _joined(scope: Scope, name: bytes) -> str:
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _clean(text: str) -> str:
    """An address without brackets and port, or "" when it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return _plain(str(ipaddress.ip_address(text)))
    except ValueError:
        return ""


@lru_cache(maxsize=4096)
def _plain(address: str) -> str:
    """An IPv4 address that a socket for both families shows as `::ffff:…` as itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return address if mapped is None else str(mapped)
