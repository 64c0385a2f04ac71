"""Whose address counts: only what a trusted proxy adds itself is believed (ASVS 4.1.3)."""

from __future__ import annotations

import pytest

from enlist.web.peers import address_of, within

PROXIES = ("10.0.0.0/8", "127.0.0.1/32")


def seen(peer: str, **headers: str) -> str:
    sent = [
        (name.replace("_", "-").encode(), value.encode("latin-1"))
        for name, value in headers.items()
    ]
    return address_of({"type": "http", "client": (peer, 1), "headers": sent}, PROXIES)


@pytest.mark.parametrize(
    ("peer", "header", "address"),
    [
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "203.0.113.5, 198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "203.0.113.5, 198.51.100.9, 10.0.0.2", "198.51.100.9"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "198.51.100.9:4711", "198.51.100.9"),
        ("10.0.0.1", "10.0.0.7", "10.0.0.7"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_the_last_untrusted_hop_counts(peer: str, header: str, address: str) -> None:
    assert seen(peer, x_forwarded_for=header) == address


def test_what_a_client_writes_into_the_other_header_is_ignored() -> None:
    """Proxies pass `Forwarded` on: it must not hide a guesser from the throttle (S40)."""
    assert seen("10.0.0.1", forwarded="for=127.0.0.1", x_forwarded_for="192.0.2.66") == "192.0.2.66"
    assert seen("10.0.0.1", forwarded="for=192.0.2.1") == "10.0.0.1"


@pytest.mark.parametrize("unreadable", ["unknown", "_hidden", "-", "", "1.2.3.4.5"])
def test_nothing_before_an_unreadable_hop_is_believed(unreadable: str) -> None:
    assert seen("10.0.0.1", x_forwarded_for=f"192.0.2.1, {unreadable}") == "10.0.0.1"


def test_an_ipv4_peer_of_a_dual_socket_is_itself() -> None:
    """`--http [::]:…` shows it mapped; a proxy must stay trusted and a key's network fit."""
    assert seen("::ffff:10.0.0.1", x_forwarded_for="198.51.100.9") == "198.51.100.9"
    assert seen("::ffff:192.0.2.1") == "192.0.2.1"
    assert within("::ffff:127.0.0.1", PROXIES)
