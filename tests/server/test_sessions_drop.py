"""A reset drops sessions at once, wherever they are (D04–D06, D61, S55, X21).

Real processes and sockets. How quickly is measured in `make bench`; here is only asked that the
wake-up does it, where there is no heartbeat, and the heartbeat, where there is no wake-up.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.devices import (
    FORBEARING,
    PATIENCE,
    WITHOUT_HEARTBEAT,
    Credentials,
    connected,
    enroll,
    redeem,
)
from tests.peers.postgres import Cluster
from tests.serving import Server, StartServer, launch_server

REVOKED = (4401, "credential_revoked")


@dataclass
class Pair:
    """Two server processes on one database."""

    one: Server
    other: Server
    key: str

    def client(self) -> httpx2.Client:
        return self.one.client(headers={"Authorization": f"Bearer {self.key}"})

    def reset(self, device: Credentials) -> str:
        """Reset through the first process; the new token."""
        asked = {"reason": "lost", "message": {"type": "none"}}
        answer = None
        with self.client() as client:
            # Connections that were broken are told of once, each by an answer of 503.
            for _ in range(20):
                answer = client.post(f"/api/v1/devices/{device.device_id}/reset", json=asked)
                if answer.status_code != 503:
                    break
        assert answer is not None
        assert answer.status_code in (200, 201), answer.text
        found: str = answer.json()["enrollment"]["token"]
        return found


@pytest.fixture
def start_pair(postgres: Cluster, tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    url = postgres.create_database()
    running: list[Server] = []

    def start(program: str = WITHOUT_HEARTBEAT, **environment: str) -> Pair:
        data, given = tmp_path / "data", ("-c", program)
        running.extend(
            launch_server(data, url, environment=environment, program=given) for _ in range(2)
        )
        key = running[0].api_key("administrator", "enrollments:reveal")
        return Pair(running[0], running[1], key)

    yield start
    for server in running:
        server.stop()
    postgres.drop(url)


@pytest.mark.peer("postgres")
def test_a_reset_drops_the_sessions_of_every_process(
    start_pair: Callable[..., Pair], tmp_path: Path
) -> None:
    """The same process's and the other's; another device's stay; the new credential comes back."""
    pair = start_pair()
    box, spared = (enroll(pair.one, pair.key, tmp_path, number) for number in (1, 2))
    with (
        connected(pair.one, box) as here,
        connected(pair.other, box) as there,
        connected(pair.other, spared) as other,
        pair.one.device_client(*box.files) as kept_alive,
    ):
        for device in (here, there, other):
            device.opened()
        assert kept_alive.get("/device").status_code == 200
        token = pair.reset(box)
        assert (here.ended(), there.ended()) == (REVOKED, REVOKED)
        assert kept_alive.get("/device").status_code == 403
        again = redeem(pair.other, tmp_path, token, 3)
        assert again.device_id == box.device_id
        with connected(pair.other, again) as back, connected(pair.other, box) as refused:
            back.opened()
            assert refused.refused.get(timeout=PATIENCE)[0] == 403
            assert other.open
            pair.other.stop(signal.SIGKILL)
    # Whoever was reset cannot come back, whichever process was killed meanwhile.
    with connected(pair.one, box) as refused:
        assert refused.refused.get(timeout=PATIENCE)[0] == 403
    with connected(pair.one, again) as back:
        back.opened()


@pytest.mark.peer("postgres")
def test_a_wake_up_that_is_lost_is_made_good_at_the_heartbeat(
    start_pair: Callable[..., Pair], tmp_path: Path
) -> None:
    quick = {"ENLIST_SESSION_WAKEUP": "false", "ENLIST_SESSION_HEARTBEAT": "1"}
    pair = start_pair(FORBEARING, **quick)
    box, spared = (enroll(pair.one, pair.key, tmp_path, number) for number in (1, 2))
    with connected(pair.other, box) as there, connected(pair.other, spared) as other:
        there.opened()
        other.opened()
        pair.reset(box)
        assert there.ended() == REVOKED
        other.alive()


@pytest.mark.peer("postgres")
def test_a_database_that_was_away(start_pair: Callable[..., Pair], tmp_path: Path) -> None:
    """Every connection to it is broken; sessions stay, and who is reset afterwards drops."""
    pair = start_pair()
    box, spared = (enroll(pair.one, pair.key, tmp_path, number) for number in (1, 2))
    with connected(pair.other, box) as there, connected(pair.other, spared) as other:
        there.opened()
        other.opened()
        break_connections(pair.one.database)
        pair.reset(box)
        assert there.ended() == REVOKED
        assert other.open


def break_connections(url: str) -> None:
    """As a failover does."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_reset_by_command_drops_the_sessions_of_a_server(
    start_server: StartServer, tmp_path: Path
) -> None:
    """On SQLite the command is another process, of which the server only sees that it wrote."""
    server = start_server(program=("-c", WITHOUT_HEARTBEAT))
    key = server.api_key("administrator", "enrollments:reveal")
    box, spared = (enroll(server, key, tmp_path, number) for number in (1, 2))
    with connected(server, box) as device, connected(server, spared) as other:
        device.opened()
        other.opened()
        words = ("device", "reset", box.device_id, "--reason", "lost", "--yes")
        server.cli(*words)
        assert device.ended() == REVOKED
        assert other.open
        listed = json.loads(server.cli("device", "show", spared.device_id, "--json"))
        assert listed["state"] == "enrolled"
