"""Renewing with a real server: in time, with another key, and whatever breaks in between."""

from __future__ import annotations

import shutil
import signal
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from enlist_agent.cli import RESET
from enlist_agent.client import Patience
from enlist_agent.identity import device_tls, renewal_due
from enlist_agent.outcomes import UnusableError
from enlist_agent.renewal import renew
from enlist_agent.running import Run
from enlist_agent.standing import Standing, Status, status
from enlist_agent.state import StateDirectory
from tests.agent.house import House, running
from tests.agent.peer import Authority
from tests.peers.base import DEADLINE

pytestmark = pytest.mark.xdist_group("agent")

AHEAD = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from enlist_agent.running import Run
ahead = timedelta(days=int(sys.argv[2]))
Run(Path(sys.argv[1]), clock=lambda: datetime.now(UTC) + ahead,
    notice=lambda told: print(told, flush=True)).run()
"""
"""An agent as long after its enrollment as a test asks for."""

KILLED = """
import os, signal, sys
from pathlib import Path
from enlist_agent.client import Patience
from enlist_agent.renewal import renew
from enlist_agent.state import StateDirectory
class Killed(StateDirectory):
    def keep_next(self, certificate):
        super().keep_next(certificate)
        os.kill(os.getpid(), signal.SIGKILL)
renew(Killed(Path(sys.argv[1])), sys.argv[2], None, Patience())
"""
"""An agent that is killed when it has the next certificate, and has told nobody."""


class Crashed(Exception):
    """The process dies here."""


class Watched(StateDirectory):
    """A state directory at which somebody looks each time just before it changes."""

    def __init__(self, path: Path, look: Callable[[], None]) -> None:
        super().__init__(path)
        self.look = look

    def write(self, name: str, text: str, *, replace: bool = True) -> None:
        self.look()
        super().write(name, text, replace=replace)

    def _move(self, name: str, final: str) -> None:
        self.look()
        super()._move(name, final)

    def confirmed(self) -> None:
        self.look()
        super().confirmed()


def dying(path: Path, steps: int) -> Watched:
    """A state directory on which the process dies just before it changes it for the n-th time."""
    left = iter(range(steps))

    def die() -> None:
        if next(left, None) is None:
            raise Crashed

    return Watched(path, die)


STEPS = 7
PATIENT = Patience(DEADLINE)


def serial(state: Path) -> int:
    return x509.load_pem_x509_certificate((state / "certificate.pem").read_bytes()).serial_number


def stands(state: Path) -> Standing:
    found = status(state, now=datetime.now(UTC), patience=PATIENT)
    assert isinstance(found, Status)
    return found.standing


def test_it_renews_in_time_and_stays_connected(house: House, state: Path) -> None:
    """With a year of life: not after 240 days, but after 250."""
    device_id = house.enrolled(state)
    before, key = serial(state), (state / "key.pem").read_text()
    for days, renewed in (("240", False), ("250", True)):
        with running(state.with_name(f"{days}.log"), ["-c", AHEAD, str(state), days]) as agent:
            agent.told("Connected to")
            assert ("Renewed the certificate" in agent.said) is renewed
    assert serial(state) != before
    assert (state / "key.pem").read_text() != key
    assert {each.stat().st_mode & 0o777 for each in state.iterdir()} == {0o600}
    assert stands(state) is Standing.ENROLLED
    (event,) = house.events(device_id, "credential.renewed")
    assert int(event["data"]["serial"], 16) == serial(state)


@pytest.mark.parametrize(("days", "due"), [(90, 60), (365, 243 + 8 / 24), (0.25, 4 / 24)])
def test_it_is_due_when_two_thirds_of_its_life_are_over(
    authority: Authority, days: float, due: float
) -> None:
    """From the moment on at which its life began, whenever that was."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    leaf = x509.load_pem_x509_certificate(authority.issue(key, "x", days - 7, -7).encode())
    assert renewal_due(leaf) - leaf.not_valid_before_utc == timedelta(days=due)


@pytest.mark.parametrize("steps", range(STEPS + 1))
def test_wherever_the_process_dies_the_same_steps_go_on(
    house: House, state: Path, steps: int
) -> None:
    """The device never loses its only good certificate, and nobody takes it for a clone."""
    device_id = house.enrolled(state)
    before = serial(state)
    died = True
    try:
        renew(dying(state, steps), house.server.device_url, None, PATIENT)
        died = False
    except Crashed:
        assert stands(state) is Standing.ENROLLED
    assert died is (steps < STEPS)
    if died:
        again = renew(StateDirectory(state), house.server.device_url, None, PATIENT)
        assert isinstance(again, datetime), again
    assert serial(state) != before
    assert stands(state) is Standing.ENROLLED
    assert house.events(device_id, "credential.refused") == []
    assert house.events(device_id, "credential.renewed") != []
    assert not [each.name for each in state.iterdir() if each.name.startswith(("next", "un"))]


def test_killed_before_it_could_confirm_the_next_start_goes_on(house: House, state: Path) -> None:
    """The system takes the lock from whoever was killed, and the old certificate is not shown."""
    device_id = house.enrolled(state)
    before = serial(state)
    words = ["-c", KILLED, str(state), house.server.device_url]
    with running(state.with_name("killed.log"), words) as killed:
        assert killed.process.wait(DEADLINE) == -signal.SIGKILL
    assert serial(state) != before
    assert house.events(device_id, "credential.renewed") == []
    with house.running(state) as agent:
        agent.told("Connected to")
    assert "Renewed the certificate" in agent.said
    assert len(house.events(device_id, "credential.renewed")) == 1
    assert house.events(device_id, "credential.refused") == []


def test_who_asks_for_the_standing_waits_for_a_renewal(house: House, state: Path) -> None:
    """Between any two steps key and certificate may not fit, or the old one be shown again."""
    device_id = house.enrolled(state)
    looked: list[str] = []

    def look() -> None:
        with pytest.raises(UnusableError, match="is using"):
            status(state, now=datetime.now(UTC), patience=Patience(0.0))
        looked.append("kept out")

    outcome = renew(Watched(state, look), house.server.device_url, None, PATIENT)
    assert isinstance(outcome, datetime), outcome
    assert len(looked) == STEPS
    assert stands(state) is Standing.ENROLLED
    assert house.events(device_id, "credential.refused") == []


def test_a_renewal_waits_for_who_asks_for_the_standing(
    house: House, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise he would show the old certificate after the new one had come, like a thief."""
    device_id = house.enrolled(state)

    def renewed_meanwhile(folder: StateDirectory, ca: Path | None) -> ssl.SSLContext:
        ready = device_tls(folder, ca)
        with pytest.raises(UnusableError, match="is using"):
            renew(StateDirectory(state), house.server.device_url, None, Patience(0.0))
        return ready

    monkeypatch.setattr("enlist_agent.standing.device_tls", renewed_meanwhile)
    assert stands(state) is Standing.ENROLLED
    assert house.events(device_id, "credential.refused") == []


@pytest.mark.parametrize("step", range(STEPS))
def test_a_full_disk_leaves_a_certificate_that_counts(
    house: House, state: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The agent stays connected, says so, and renews once there is room again."""
    device_id = house.enrolled(state)
    told: list[str] = []
    steps = count()

    def fill() -> None:
        if next(steps) == step:
            raise UnusableError("No space left on device.")

    def notice(line: str) -> None:
        told.append(line)
        if line.startswith("Connected"):
            raise Crashed

    ahead = timedelta(days=250)
    with monkeypatch.context() as patched:
        patched.setattr("enlist_agent.running.StateDirectory", lambda path: Watched(path, fill))
        with pytest.raises(Crashed):
            Run(state, clock=lambda: datetime.now(UTC) + ahead, notice=notice).run()
    assert "The certificate could not be renewed. No space left on device." in told[0]
    assert stands(state) is Standing.ENROLLED
    again = renew(StateDirectory(state), house.server.device_url, None, PATIENT)
    assert isinstance(again, datetime), again
    assert stands(state) is Standing.ENROLLED
    assert house.events(device_id, "credential.refused") == []


def test_a_clock_far_ahead_does_not_renew_without_end(house: House, state: Path) -> None:
    """To it, each new certificate is old at once."""
    device_id = house.enrolled(state)
    told: list[str] = []

    def notice(line: str) -> None:
        told.append(line)
        if line.startswith("Connected"):
            raise Crashed

    ahead = timedelta(days=300)
    with pytest.raises(Crashed):
        Run(state, clock=lambda: datetime.now(UTC) + ahead, notice=notice).run()
    assert len(house.events(device_id, "credential.renewed")) == 1


def test_a_renewal_that_is_refused_leaves_the_session(house: House, state: Path) -> None:
    """Where TLS ends before the server, nothing proves the device but its signature."""
    device_id = house.enrolled(state)
    words = ["-c", AHEAD.replace("Path(sys.argv[1]),", "Path(sys.argv[1]), sys.argv[3],")]
    words += [str(state), "250", house.server.url]
    with running(state.with_name("run.log"), words) as agent:
        agent.told("Connected to")
        assert "The certificate could not be renewed. " in agent.said
        assert len(house.sessions(device_id)) == 1


def test_a_copy_of_the_folder_is_found_out(house: House, state: Path, tmp_path: Path) -> None:
    """The copy comes with the old key; or the device does, where the copy renewed first."""
    device_id = house.enrolled(state)
    copy = shutil.copytree(state, tmp_path / "copy")
    renewed = renew(StateDirectory(state), house.server.device_url, None, PATIENT)
    assert isinstance(renewed, datetime), renewed
    assert stands(state) is Standing.ENROLLED
    assert house.events(device_id, "credential.refused") == []
    assert stands(copy) is Standing.REVOKED
    (event,) = house.events(device_id, "credential.refused")
    assert event["data"]["flag"] == "possible_clone"
    with running(tmp_path / "copy.log", ["-m", "enlist_agent", "run", "--state", str(copy)]) as run:
        assert run.ends() == RESET
