"""Open sessions when what they stand on dies: who was reset stays out, and nobody else drops.

Two servers, each a process of its own, on one PostgreSQL; or one on SQLite.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.devices import (
    FORBEARING,
    PATIENCE,
    WITHOUT_HEARTBEAT,
    Credentials,
    Device,
    connected,
    enroll,
)
from tests.peers.base import DEADLINE, wait_until
from tests.peers.postgres import Cluster
from tests.serving import Server, StartServer, launch_server

REVOKED = (4401, "credential_revoked")
UNCHECKED = (1013, "unchecked")
REFUSED = (403, "credential_revoked")
AWAY = (503, "try_later")
WITH_RHYTHM = """
from enlist.sessions.keeper import Rhythm
from enlist.wiring import server
server._rhythm = lambda settings: Rhythm(heartbeat=0.5, lease={lease})
{forbearing}
"""
"""A server that hangs up when it could not ask the database for this many seconds."""
DIES_DROPPING = f"""
import os, signal
from enlist.sessions.keeper import Keeper
def close(keeper, sessions, ending, close=Keeper.close):
    for number, session in enumerate(sessions):
        if number:
            os.kill(os.getpid(), signal.SIGKILL)
        close(keeper, [session], ending)
Keeper.close = close
{WITHOUT_HEARTBEAT}
"""
"""A server that is killed when it has closed the first of several sessions."""


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """It notices nothing of what happens meanwhile."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def reset(server: Server, key: str, device: Credentials) -> None:
    """Reset a device, as soon as the server can."""
    asked = {"reason": "lost", "message": {"type": "none"}}
    path = f"/api/v1/devices/{device.device_id}/reset"

    def answered() -> bool:
        answer = client.post(path, json=asked)
        assert answer.status_code in (200, 201, 503), answer.text
        return answer.status_code != 503

    with server.client(headers={"Authorization": f"Bearer {key}"}) as client:
        wait_until(answered, "a reset", log=server.log)


def refusal(server: Server, device: Credentials) -> tuple[int, str]:
    """How a device is refused that wants to connect."""
    with connected(server, device) as refused:
        status, problem = refused.refused.get(timeout=PATIENCE)
        return status, str(problem["code"])


def come_back(server: Server, device: Credentials) -> None:
    """A device connects, as soon as the server lets it."""

    def again() -> bool:
        with connected(server, device) as trying:
            wait_until(lambda: trying.answered, "an answer", log=server.log)
            return trying.refused.empty()

    wait_until(again, "the device is back", log=server.log)


@pytest.mark.peer("postgres")
def test_postgresql_fails_over(mortal: Cluster, start_server: StartServer, tmp_path: Path) -> None:
    """Nobody drops; whoever is reset before the other process is back drops once it is, and who
    is reset later drops as ever."""
    database, data = mortal.create_database(), tmp_path / "data"
    patient = WITH_RHYTHM.format(lease=10_000, forbearing=FORBEARING)
    one = start_server(database, data=data, program=("-c", patient))
    other = start_server(database, data=data, program=("-c", WITHOUT_HEARTBEAT))
    key = one.api_key("administrator", "enrollments:reveal")
    box, second, spared = (enroll(one, key, tmp_path, number) for number in (1, 2, 3))
    with ExitStack() as stack:

        def at(server: Server, device: Credentials) -> Device:
            held = stack.enter_context(connected(server, device))
            held.opened()
            return held

        here, stays = at(one, box), at(one, spared)
        there, later, remote = (at(other, each) for each in (box, second, spared))
        mortal.kill()
        stays.alive()
        assert refusal(one, spared) == AWAY
        with stopped(other):
            mortal.revive()
            reset(one, key, box)
            assert here.ended() == REVOKED
        assert there.ended() == REVOKED  # by a look at everybody's, once it listens again
        reset(one, key, second)
        assert later.ended() == REVOKED  # by what it was told
        assert refusal(other, box) == REFUSED
        come_back(other, spared)
        stays.alive()
        assert remote.open


@pytest.mark.peer("postgres")
def test_postgresql_stays_away(mortal: Cluster, start_server: StartServer, tmp_path: Path) -> None:
    """Whom nobody could tell of a reset any more is hung up on, and comes back later."""
    impatient = WITH_RHYTHM.format(lease=2, forbearing=FORBEARING)
    server = start_server(mortal.create_database(), program=("-c", impatient))
    key = server.api_key("administrator", "enrollments:reveal")
    box = enroll(server, key, tmp_path)
    with connected(server, box) as device:
        device.opened()
        mortal.kill()
        assert device.ended() == UNCHECKED
    mortal.revive()
    come_back(server, box)


def test_killed_while_it_drops(database_url: str, tmp_path: Path) -> None:
    """Whoever was reset stays out, whether it heard of it or not; nobody else does."""
    data = tmp_path / "data"
    with ExitStack() as stack:

        def start(program: str = WITHOUT_HEARTBEAT) -> Server:
            server = launch_server(data, database_url, program=("-c", program))
            stack.callback(server.stop)
            return server

        dies = start(DIES_DROPPING)
        lives = start() if database_url else dies
        key = lives.api_key("administrator", "enrollments:reveal")
        box, spared = (enroll(lives, key, tmp_path, number) for number in (1, 2))
        held = [stack.enter_context(connected(dies, each)) for each in (box, box, spared)]
        for each in held:
            each.opened()
        with contextlib.suppress(httpx2.TransportError):  # it may die before it answers
            reset(lives, key, box)
        assert dies.process.wait(DEADLINE) == -signal.SIGKILL
        again = start()
        for server in {lives.url: lives, again.url: again}.values():
            if server is not dies:
                assert refusal(server, box) == REFUSED
                come_back(server, spared)
