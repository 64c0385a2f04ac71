"""Real listeners on loopback, and time that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from enlist_agent.client import Patience
from enlist_agent.enrollment import Enroll, Enrolled
from enlist_agent.outcomes import Refusal
from enlist_agent.secret import Secret
from tests.agent.house import House
from tests.agent.peer import Authority, OwnTime, Peer, listening, server_tls
from tests.devices import FORBEARING
from tests.serving import launch_server

Enrolling = Callable[[], Enrolled | Refusal]


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def peer(authority: Authority) -> Iterator[Peer]:
    """The server on plain HTTP, as on a developer's own machine."""
    peer = Peer(authority)
    with listening(peer) as peer.address:
        yield peer


@pytest.fixture
def tls_peer(authority: Authority, tmp_path: Path) -> Iterator[Peer]:
    """The server with a certificate of its own CA on both listeners."""
    peer = Peer(authority)
    files = authority.server_files(tmp_path)
    with (
        listening(peer, server_tls(files)) as peer.address,
        listening(peer, server_tls(files, authority.root_pem)) as peer.device_url,
    ):
        yield peer


@pytest.fixture
def ca_file(authority: Authority, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(authority.root_pem)
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "agent"


@dataclass
class Told:
    """Patience on a test's own time, and what it told the person meanwhile."""

    time: OwnTime
    notices: list[str]
    patience: Patience


@pytest.fixture
def told() -> Told:
    time = OwnTime()
    notices: list[str] = []
    return Told(time, notices, Patience(60.0, notices.append, time.sleep, time.clock))


@pytest.fixture
def enrolling(peer: Peer, state: Path, told: Told) -> Callable[[], Enrolled | Refusal]:
    """The same enrollment with a good token, as often as it is called."""
    return lambda: Enroll(
        Secret("GoodToken1"), server=peer.address, state=state, patience=told.patience
    ).run()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server for all that need a real one; its sessions have a quick heartbeat."""
    folder = tmp_path_factory.mktemp("house")
    quick = {"ENLIST_SESSION_HEARTBEAT": "0.5"}
    server = launch_server(folder / "data", environment=quick, program=("-c", FORBEARING))
    yield House(server, server.api_key("administrator", "enrollments:reveal"), folder)
    server.stop()
