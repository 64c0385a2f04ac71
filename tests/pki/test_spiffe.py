"""Names of devices: what goes in comes out, and nothing else is taken for one (ruling 4)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enlist.pki.spiffe import device_of, device_uri, trust_domain


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("enroll.example.com", "enroll.example.com"),
        ("Enroll.Example.COM.", "enroll.example.com"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8::1", "2001-db8-1"),
        ("[::1]", "1"),
        ("müller.example", "m-ller.example"),
        ("x" * 300, "x" * 255),
    ],
)
def test_every_host_makes_a_trust_domain(host: str, domain: str) -> None:
    assert trust_domain(host) == domain
    assert trust_domain(domain) == domain, "reading it back must not change it"


@pytest.mark.parametrize("host", ["", "::", "..."])
def test_no_host_makes_none(host: str) -> None:
    with pytest.raises(ValueError, match="host name"):
        trust_domain(host)


def test_a_device_has_the_name_that_all_agree_on() -> None:
    assert device_uri("a.example", "d-1") == "spiffe://a.example/device/d-1"
    assert device_of("a.example", "spiffe://a.example/device/d-1") == "d-1"


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://b.example/device/d",
        "spiffe://a.example.evil/device/d",
        "spiffe://a.example/device/",
        "spiffe://a.example/device/d/e",
        "spiffe://a.example/device/..",
        "spiffe://a.example/device/d\n",
        "spiffe://a.example/device/d%2Fe",
        "spiffe://a.example/user/d",
        "SPIFFE://a.example/device/d",
        "https://a.example/device/d",
        "d",
        "",
    ],
)
def test_other_names_are_no_device(uri: str) -> None:
    assert device_of("a.example", uri) is None


@settings(derandomize=True, deadline=None)
@given(st.text())
def test_a_device_id_comes_back_or_is_refused(device_id: str) -> None:
    try:
        uri = device_uri("a.example", device_id)
    except ValueError:
        assert device_of("a.example", f"spiffe://a.example/device/{device_id}") is None
    else:
        assert device_of("a.example", uri) == device_id
