"""Whose address counts: only what a trusted proxy adds itself is believed (ASVS 4.1.3)."""

from __future__ import annotations

import pytest

from enlist.web.peers import FORWARDED, X_FORWARDED_FOR, address_of, within

PROXIES = ("10.0.0.0/8", "127.0.0.1/32")


def seen(peer: str, header: str = X_FORWARDED_FOR, **headers: str) -> str:
    sent = [
        (name.replace("_", "-").encode(), value.encode("latin-1"))
        for name, value in headers.items()
    ]
    return address_of({"type": "http", "client": (peer, 1), "headers": sent}, PROXIES, header)


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


@pytest.mark.parametrize(
    ("peer", "header", "address"),
    [
        ("192.0.2.1", "for=198.51.100.9", "192.0.2.1"),
        ("10.0.0.1", "for=198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "FOR=198.51.100.9;proto=https;by=10.0.0.1", "198.51.100.9"),
        ("10.0.0.1", "proto=https ; for=198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", 'for="198.51.100.9:4711"', "198.51.100.9"),
        ("10.0.0.1", 'for="[2001:db8::1]"', "2001:db8::1"),
        ("10.0.0.1", 'for="[2001:db8::1]:4711";host="a,b"', "2001:db8::1"),
        ("10.0.0.1", "for=203.0.113.5, for=198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "for=203.0.113.5,for=198.51.100.9 , for=10.0.0.2", "198.51.100.9"),
        ("10.0.0.1", "for=10.0.0.7", "10.0.0.7"),
        ("10.0.0.1", "for=198.51.100.9;", "198.51.100.9"),
        ("10.0.0.1", "for=203.0.113.5, ; ;for=198.51.100.9 ;;proto=https; ", "198.51.100.9"),
        ("10.0.0.1", "for=198.51.100.9;host=example.com:8443;proto=https", "198.51.100.9"),
        ("10.0.0.1", "host=[2001:db8::9]:8443;for=198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_the_header_of_the_standard_where_the_proxy_writes_it(
    peer: str, header: str, address: str
) -> None:
    """RFC 7239, section 4: names in any case, values plain or quoted, pairs in any order or none.

    A host with its port should be quoted, and is not by every proxy.
    """
    assert seen(peer, FORWARDED, forwarded=header) == address


@pytest.mark.parametrize(
    "client",
    [
        'for="',
        'for=6.6.6.6;x="',
        'x="\\',
        "for=6.6.6.6,",
        ";;;,,=",
        'host="a, for=6.6.6.6',
        "for=6.6.6.6;" * 9_000,
        "; " * 9_000 + '"',
        "for=6.6.6.6;host=a:1",
        'for=6.6.6.6;;x="',
        "," * 60_000,
    ],
)
@pytest.mark.parametrize(
    "proxy",
    [
        "for=192.0.2.66",
        'for="192.0.2.66:80";host="x, for=6.6.6.6"',
        'host="x, for=6.6.6.6;;x=";proto=https;for=192.0.2.66;',
        'for=192.0.2.66;host="x,;for=6.6.6.6;host=a:1"',
        "proto=https;for=192.0.2.66",
        "for=192.0.2.66;host=example.com:8443;",
    ],
)
def test_nothing_before_what_the_proxy_added_changes_it(client: str, proxy: str) -> None:
    """A client that opens a quotation mark must not have its end in what the proxy says."""
    assert seen("10.0.0.1", FORWARDED, forwarded=f"{client}, {proxy}") == "192.0.2.66"


@pytest.mark.parametrize(
    "unreadable",
    [
        *("unknown", "for=unknown", "for=_hidden", "for=", "for", "192.0.2.66", "proto=https"),
        *("for=192.0.2.66;for=192.0.2.67", "for=2001:db8::1", 'for="192.0.2.66', ""),
        *(";", " ; ", "for=192.0.2.66:80", "for=[2001:db8::1]", "for=192.0.2.66;;for=192.0.2.67"),
        *("for=192.0.2.66;host=a:1/", "for=192.0.2.66;host=", "; " * 250 + "for"),
    ],
)
def test_an_unreadable_element_hides_all_before_it(unreadable: str) -> None:
    assert seen("10.0.0.1", FORWARDED, forwarded=f"for=192.0.2.1, {unreadable}") == "10.0.0.1"


def test_what_a_client_writes_into_the_other_header_is_ignored() -> None:
    """Proxies pass the one that they do not write on: it must not hide a guesser (S40)."""
    both = {"forwarded": "for=192.0.2.7", "x_forwarded_for": "192.0.2.66"}
    assert seen("10.0.0.1", **both) == "192.0.2.66"
    assert seen("10.0.0.1", FORWARDED, **both) == "192.0.2.7"
    assert seen("10.0.0.1", forwarded="for=192.0.2.1") == "10.0.0.1"
    assert seen("10.0.0.1", FORWARDED, x_forwarded_for="192.0.2.1") == "10.0.0.1"


@pytest.mark.parametrize("unreadable", ["unknown", "_hidden", "-", "", "1.2.3.4.5"])
def test_nothing_before_an_unreadable_hop_is_believed(unreadable: str) -> None:
    assert seen("10.0.0.1", x_forwarded_for=f"192.0.2.1, {unreadable}") == "10.0.0.1"


def test_an_ipv4_peer_of_a_dual_socket_is_itself() -> None:
    """`--http [::]:…` shows it mapped; a proxy must stay trusted and a key's network fit."""
    assert seen("::ffff:10.0.0.1", x_forwarded_for="198.51.100.9") == "198.51.100.9"
    assert seen("::ffff:192.0.2.1") == "192.0.2.1"
    assert within("::ffff:127.0.0.1", PROXIES)
