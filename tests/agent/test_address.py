"""Links, tokens and server addresses."""

from __future__ import annotations

import pytest

from enlist_agent.address import server_address, target
from enlist_agent.outcomes import UsageError
from enlist_agent.secret import Secret

LINK = "https://enlist.example.com/enroll/h4ndle#t=GoodToken1"


@pytest.mark.parametrize(
    "link",
    [
        LINK,
        f"  {LINK}\n",
        f"<{LINK}>",
        "HTTPS://ENLIST.Example.COM/enroll/h4ndle#t=GoodToken1",
        "https://enlist.example.com/enroll/h4ndle?utm_source=mail&utm_id=1#t=GoodToken1",
        "https://enlist.example.com/enroll/h4ndle#t=GoodToken1?utm_source=mail",
        "https://enlist.example.com/enroll/h4ndle#t=GoodToken1&utm_source=mail",
        "https://enlist.example.com/enroll/h4ndle#utm_source=mail&t=GoodToken1",
        "https://enlist.example.com/enroll/h4ndle/#t=GoodToken1",
        "https://enlist.example.com/enroll/h4ndle#t=Good%54oken1",
        "https://enlist.example.com/enroll#t=GoodToken1",
    ],
)
def test_a_link_names_the_server_and_the_token(link: str) -> None:
    goal = target(Secret(link), None)

    assert goal.server == "https://enlist.example.com"
    assert goal.secret is not None
    assert goal.secret.reveal() == "GoodToken1"


def test_a_link_keeps_port_and_path_prefix() -> None:
    goal = target(Secret("https://example.com:8443/enlist/enroll/h#t=GoodToken1"), None)

    assert goal.server == "https://example.com:8443/enlist"


def test_a_given_server_wins_over_the_links() -> None:
    assert target(Secret(LINK), "https://10.0.0.7:8443/").server == "https://10.0.0.7:8443"


@pytest.mark.parametrize(
    ("given", "server", "says"),
    [
        ("https://enlist.example.com/enroll/h4ndle", None, "has lost its end"),
        ("https://enlist.example.com/enroll/h4ndle#", None, "has lost its end"),
        ("https://enlist.example.com/enroll/h4ndle?t=GoodToken1", None, "has lost its end"),
        ("https://enlist.example.com/welcome#t=GoodToken1", None, "not an enrollment link"),
        ("https:///enroll/h#t=GoodToken1", None, "must name a host"),
        ("https://enlist.example.com@evil.example/enroll/h#t=GoodToken1", None, "name a host"),
        ("https://[half/enroll/h#t=GoodToken1", None, "cannot be read"),
        ("https://host:port/enroll/h#t=GoodToken1", None, "cannot be read"),
        ("enlist.example.com/enroll/h#t=GoodToken1", "https://h", "must begin with https://"),
        ("GoodToken1" * 30, "https://h", "neither a token nor a code"),
        ("Good\x1b[2JToken1", "https://h", "neither a token nor a code"),
        ("  ", "https://h", "empty"),
        ("GoodToken1", None, "Which server"),
        ("GoodToken1", "enlist.example.com", "written in full"),
    ],
)
def test_what_cannot_be_used_is_explained_without_the_secret(
    given: str, server: str | None, says: str
) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        target(Secret(given), server)

    assert "GoodToken1" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["http://localhost:8000", "http://127.0.0.1", "http://127.8.9.1:80", "http://[::1]:8000"],
)
def test_plain_http_is_for_this_machine(address: str) -> None:
    assert server_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://enlist.example.com",
        "http://10.0.0.7",
        "http://localhost.example.com",
        "http://127.0.0.1.nip.example",
        "http://[::2]",
        "http://2130706433",
    ],
)
def test_plain_http_to_anywhere_else_is_refused_and_explained(address: str) -> None:
    with pytest.raises(UsageError, match="not encrypted"):
        server_address(address)


def test_a_plain_http_link_is_refused_too() -> None:
    with pytest.raises(UsageError, match="not encrypted"):
        target(Secret("http://enlist.example.com/enroll/h#t=GoodToken1"), None)
