"""A real server seals what happens within a second, and signs when it stops (P15, S73)."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from enlist.settings import Settings
from enlist.wiring.checkpoint_folder import CheckpointFolder
from tests.peers.base import wait_until
from tests.serving import Server, StartServer
from tests.store.raw import opened

UNSEALED = "SELECT (SELECT count(*) FROM event) - (SELECT count(*) FROM event_seal)"


def happen(server: Server, count: int = 3) -> None:
    """Something that is in the log."""
    with server.client() as client:
        for _ in range(count):
            answer = client.post("/api/v1/redeem", json={"token": "Wr0ngWr0ng"})
            assert answer.status_code == 404


def sealed(server: Server) -> None:
    """Wait until everything that happened has its place."""
    with opened(Settings(data=server.data, database=server.database)) as raw:
        wait_until(lambda: raw.execute(UNSEALED) == [(0,)], "a whole seal")


def test_what_happens_is_sealed_and_signed(
    start_server: StartServer, database_url: str, tmp_path: Path
) -> None:
    """Ruling 34: beside the requests; at the end into the data folder too; the next goes on."""
    server = start_server(database_url)
    happen(server)
    sealed(server)
    server.stop()
    kept = CheckpointFolder(server.data / "checkpoints")
    note = kept.newest()
    assert note is not None
    assert server.cli("audit", "checkpoint") == note
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text(note)

    again = start_server(database_url, data=server.data)
    happen(again)
    again.stop(signal.SIGKILL)
    # What was not signed by then, nor even sealed, is so by the next.
    third = start_server(database_url, data=server.data)
    third.stop()
    assert kept.newest() not in (None, note)
    told = third.cli("audit", "verify", "--checkpoint", str(elsewhere))
    assert "The log is whole" in told
    assert "not sealed" not in told
    assert "Traceback" not in server.output() + again.output() + third.output()


@pytest.mark.peer("postgres")
def test_several_processes_seal_one_log(start_server: StartServer, empty_database: str) -> None:
    """Ruling 34: by advisory lock."""
    server = start_server(empty_database, workers=3)
    happen(server, 8)
    sealed(server)
    server.stop()
    assert "The log is whole" in server.cli("audit", "verify")
    assert "failed" not in server.output()
