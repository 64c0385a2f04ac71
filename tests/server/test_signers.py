"""A server whose processes leave processors to spare has helpers that sign, and end with it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from enlist.wiring.signers import spare_processors
from tests.peers.base import wait_until
from tests.server.contending import contend, register
from tests.serving import Server, StartServer

CONTENDERS = 32


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_helpers_sign_for_many_at_once_and_end_with_the_server(
    start_server: StartServer, how: signal.Signals
) -> None:
    if not spare_processors(workers=1):
        pytest.skip("this machine has one processor")
    server = start_server()
    key = server.api_key("operator", "enrollments:reveal")
    server.cli("user", "add", "--username", "ada", "--email", "ada@example.com")

    def helped() -> bool:
        with server.client() as client:
            answers = contend(server, register(client, key, 10), CONTENDERS)
        won = [[each.status_code for each in token].count(201) for token in answers]
        assert won == [1] * 10
        return _signed_by_helpers(server) > 0

    wait_until(helped, "a helper", seconds=60)
    helpers = _children(server.process.pid)
    assert helpers
    server.stop(how)
    wait_until(lambda: not any(map(_alive, helpers)), "the end of the helpers")


def _signed_by_helpers(server: Server) -> float:
    with server.client() as client:
        text: str = client.get("/metrics").text
    name = "enlist_certificates_by_helpers_total "
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(name))


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
