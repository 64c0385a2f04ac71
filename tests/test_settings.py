"""Settings from the environment, where everything is text."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from enlist.settings import Settings


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", []),
        ("127.0.0.1", ["127.0.0.1"]),
        ("10.0.0.0/8, 2001:db8::/32", ["10.0.0.0/8", "2001:db8::/32"]),
    ],
)
def test_trusted_proxies_are_parted_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, networks: list[str]
) -> None:
    monkeypatch.setenv("ENLIST_TRUSTED_PROXY", text)
    assert Settings().trusted_proxy == networks


def test_a_proxy_that_is_no_network_stops_the_start() -> None:
    """Else every request would fail over it."""
    with pytest.raises(ValidationError, match="proxy is no network, such as"):
        Settings(trusted_proxy=["proxy"])
