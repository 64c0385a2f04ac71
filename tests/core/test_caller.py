"""Which network an address is counted under."""

from __future__ import annotations

import pytest

from enlist.core.caller import Caller, CallerKind, throttle_source


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
        ("192.0.2", "192.0.2"),
    ],
)
def test_an_ipv4_address_or_an_ipv6_network(address: str, source: str) -> None:
    """S40, ruling 10."""
    assert throttle_source(address) == source
    assert Caller(CallerKind.STRANGER, address=address).source == source
