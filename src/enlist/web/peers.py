"""Where a request really comes from.

A forwarding header is believed only when it comes from a trusted proxy, read from the right, and
only as far as trusted proxies reach; whatever a client writes itself is ignored (ASVS 4.1.3).
It is one header, the one that the proxy is known to write: the other passes through it as the
client sent it, so believing both would be believing the client.
Addresses for links are never taken from a request at all.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from starlette.types import Scope

X_FORWARDED_FOR: Final = "x-forwarded-for"
FORWARDED: Final = "forwarded"
"""RFC 7239."""

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_BARE: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z:\[\]-]+"
"""What proxies write without the quotes that it should have: `host=example.com:8443`."""

_PAIR: Final = rf'({_TOKEN})=({_BARE}|"(?:[^"\\]|\\.)*")'
# Each blank has one place only where it can belong: else many of them take for ever to refuse.
_ELEMENT: Final = re.compile(rf"(?:{_PAIR}[ \t]*)?(?:;[ \t]*(?:{_PAIR}[ \t]*)?)*")
_PAIRS: Final = re.compile(_PAIR)
_LONGEST_ELEMENT: Final = 512

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


def address_of(scope: Scope, trusted: tuple[str, ...], header: str = X_FORWARDED_FOR) -> str:
    """The address of whoever sent the request: the peer, or what trusted proxies say of it.

    Args:
        header: where they say it, `X_FORWARDED_FOR` or `FORWARDED`.
    """
    client = scope.get("client")
    peer = _plain(client[0]) if client else ""
    if not within(peer, trusted):
        return peer
    text = _joined(scope, header.encode())
    for hop in _forwarded(text) if header == FORWARDED else _forwarded_for(text):
        if not hop:
            break  # what stands before an unreadable hop is nobody's word
        peer = hop
        if not within(hop, trusted):
            break
    return peer


def address_in(scope: Scope, name: bytes) -> str:
    """The address that a header of this name holds; "" for none, for several, and anything else.

    Whether whoever wrote it may be believed, the caller must see.
    """
    values = [value for key, value in scope["headers"] if key == name]
    return _clean(values[0].decode("latin-1")) if len(values) == 1 else ""


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of this name. Every request is asked for a few: no objects for it."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def _forwarded_for(text: str) -> Iterator[str]:
    """Addresses that proxies added, last hop first; "" for each that cannot be read."""
    for part in reversed(text.split(",")):
        yield _clean(part)


def _forwarded(text: str) -> Iterator[str]:
    """The same from `Forwarded` (RFC 7239, section 4).

    Each element is the shortest text behind a comma that is one. Read from the left, a quotation
    mark that a client opened and never closed would swallow what the proxy added behind it.
    """
    end = len(text)
    while end >= 0:
        cut = text.rfind(",", 0, end)
        while not _ELEMENT.fullmatch(text[cut + 1 : end].strip()):
            if cut < 0 or end - cut > _LONGEST_ELEMENT:
                yield ""
                return
            cut = text.rfind(",", 0, cut)
        yield _for(text[cut + 1 : end])
        end = cut


def _for(element: str) -> str:
    """The address in an element; "" where there is none, or two."""
    found = [value for name, value in _PAIRS.findall(element) if name.lower() == "for"]
    if len(found) != 1 or not (found[0].startswith('"') or re.fullmatch(_TOKEN, found[0])):
        return ""
    return _clean(re.sub(r"\\(.)", r"\1", found[0].strip('"')))


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
