"""Connections to nothing but what an address may lead to (`core.targets`).

The name is looked up here, every address is judged, and the connection goes to one that was judged:
a name that answers otherwise the second time leads nowhere else. Redirects are not followed.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from ipaddress import ip_address

import httpcore2

from enlist.core.targets import place, public


class Guard:
    """Says where a name may be connected to.

    Args:
        allowed: hosts and ports that the operator allows whatever their addresses are.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(each.lower() for each in allowed)

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, if all of them may be connected to.

        Raises:
            httpcore2.ConnectError: one may not, or it has none.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} has no address") from error
        addresses = list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))
        if place(host, port) not in self._allowed and not all(
            public(ip_address(each)) for each in addresses
        ):
            raise httpcore2.ConnectError(f"{host} leads to a private address, which is not allowed")
        return addresses
