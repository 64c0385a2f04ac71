"""The peers that the tests know, in the order in which a run's last lines name them."""

from __future__ import annotations

from tests.peers import (
    caddy,
    chromium,
    curl,
    haproxy,
    kannel,
    nginx,
    openziti,
    postfix,
    postgres,
    prometheus,
    rsyslog,
    smtp,
    wrk,
    zbar,
)
from tests.peers.base import Peer

# A module is an instance of the protocol: mypy checks each against it.
PEERS: tuple[Peer, ...] = (
    postgres,
    smtp,
    postfix,
    kannel,
    rsyslog,
    chromium,
    wrk,
    curl,
    nginx,
    caddy,
    haproxy,
    zbar,
    prometheus,
    openziti,
)


def named(name: str) -> Peer:
    """The peer of that name; ValueError for a name that nobody has."""
    for peer in PEERS:
        if name == peer.NAME:
            return peer
    raise ValueError(f"no peer is named {name!r}")
