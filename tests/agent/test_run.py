"""`enlist-agent run` with a real server: connected, dropped, back again, and over for good."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from enlist_agent.outcomes import UsageError
from enlist_agent.running import LONGEST_PAUSE, Run
from tests.agent.house import House
from tests.peers.base import free_port, wait_until

pytestmark = pytest.mark.xdist_group("agent")


class EnoughError(Exception):
    """A test has seen enough of something that would go on for ever."""


def test_a_reset_is_told_in_words_and_by_the_exit_code(house: House, state: Path) -> None:
    device_id = house.enrolled(state)
    with house.running(state) as agent:
        agent.told("Connected to")
        assert len(house.sessions(device_id)) == 1
        house.post(f"/api/v1/devices/{device_id}/reset", {"message": {"type": "none"}})
        assert agent.ends() == 4
    assert re.search(r"(?m)^REVOKED: .*certificate was withdrawn.* Ask your admin", agent.said)
    agent.log.unlink()
    with house.running(state, "--json") as again:
        assert again.ends() == 4
    assert '"standing": "revoked"' in again.said
    assert "Connected" not in again.said


def test_a_session_that_ended_is_opened_again(house: House, state: Path) -> None:
    device_id = house.enrolled(state)
    with house.running(state) as agent:
        agent.told("Connected to")
        (first,) = house.sessions(device_id)
        with house.client() as client:
            assert client.delete(f"/api/v1/device-sessions/{first}").status_code == 204
        agent.told("Connected to", 2)
        assert "The session ended (disconnected)." in agent.said
        (second,) = house.sessions(device_id)
        assert second != first
        assert agent.ends_by(signal.SIGTERM) == 0
    wait_until(lambda: house.sessions(device_id) == [], "the session's end")
    closed = house.events(device_id, "session.closed")
    assert [each["data"]["reason"] for each in closed] == ["left"]


def test_ctrl_c_is_clean_and_a_second_agent_stays_out(house: House, state: Path) -> None:
    house.enrolled(state)
    with house.running(state) as agent:
        agent.told("Connected to")
        with pytest.raises(UsageError, match="Another agent runs"):
            Run(state).run()
        assert agent.ends_by(signal.SIGINT) == 130
    assert "Stopped." in agent.said


def test_where_tls_ends_at_a_proxy_the_device_signs(house: House, state: Path) -> None:
    """As on the web listener, which never asks for a certificate."""
    device_id = house.enrolled(state)
    with house.running(state, "--device-url", house.server.url) as agent:
        agent.told("Connected to")
        (opened,) = house.events(device_id, "session.opened")
        assert opened["data"]["proved_by"] == "challenge"
        house.post(f"/api/v1/devices/{device_id}/reset", {"message": {"type": "none"}})
        assert agent.ends() == 4


def test_nobody_there_is_asked_ever_more_seldom(house: House, state: Path) -> None:
    """Never at a fixed moment, so that a thousand devices do not come back as one."""
    house.enrolled(state)
    pauses: list[float] = []
    told: list[str] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 9:
            raise EnoughError

    nowhere = f"https://localhost:{free_port()}"
    with pytest.raises(EnoughError):
        Run(state, nowhere, notice=told.append, pause=pause).run()
    steps = [min(2.0**each, LONGEST_PAUSE) for each in range(9)]
    assert all(step / 2 <= one <= step for one, step in zip(pauses, steps, strict=True))
    assert len({round(each, 6) for each in pauses}) == 9
    assert "Connection refused). Connecting again in" in told[0]


def test_what_is_no_enrolled_device_does_not_run(house: House, state: Path) -> None:
    _, told = house.agent("run", "--state", state, expect=1)
    assert "holds no enrolled device" in told
