"""What Prometheus reads: all processes together, and only for those who may."""

from __future__ import annotations

import re

import pytest

from tests.peers.base import wait_until
from tests.serving import Server, StartServer

ASKED = 40
TOTAL = re.compile(
    r'^enlist_http_requests_total\{listener="web",method="GET",status="404"\} ([\d.]+)$',
    re.MULTILINE,
)


def counted(server: Server) -> float:
    """Requests to nowhere, as one scrape over a connection of its own tells it."""
    with server.client() as client:
        found = TOTAL.search(client.get("/metrics").text)
    return float(found[1]) if found else 0.0


@pytest.mark.peer("postgres")
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_every_scrape_tells_of_all_processes(start_server: StartServer, database_url: str) -> None:
    """A scrape reaches one worker of several; its own share alone would jump up and down."""
    server = start_server(database_url, workers=2)
    for _ in range(ASKED):
        with server.client() as client:
            assert client.get("/nowhere").status_code == 404
    # A request is counted after it was answered.
    wait_until(lambda: counted(server) == ASKED, "the last request's count")
    assert {counted(server) for _ in range(12)} == {ASKED}
    taken = server.url.removeprefix("http://").replace("localhost", "127.0.0.1")
    said = server.cli("serve", "--workers", "2", "--http", taken, expect=3)
    assert "cannot listen" in said
    assert counted(server) == ASKED, "a server that did not even start took the counts away"


def test_only_named_networks_read_them(start_server: StartServer) -> None:
    """For others the page does not exist."""
    server = start_server(environment={"ENLIST_METRICS_FROM": "192.0.2.0/24, 2001:db8::/32"})
    with server.client() as client:
        assert client.get("/metrics").status_code == 404


def test_a_network_is_a_network(start_server: StartServer) -> None:
    with pytest.raises(Exception, match="no network"):
        start_server(environment={"ENLIST_METRICS_FROM": "everybody"}, initialise=False)


def test_the_outcome_of_every_verb_is_counted(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        wrong = client.post("/api/v1/redeem", json={"token": "zzzzzzzzzz"})
        assert wrong.json()["code"] == "token_invalid"
        text = client.get("/metrics").text
    assert 'enlist_outcomes_total{outcome="token_invalid",verb="redeem"} 1.0' in text
