"""What an absent or a broken peer means for a run, and the fixtures that bring peers to tests.

Absent, too old or not allowed: the test is skipped and says so, except where the peer is required
(`CI=true`, or `ENLIST_PEERS=require`, or a list as `ENLIST_PEERS=postgres,postfix`): there it
fails with the same words. Installed but not starting, or never answering: it fails, everywhere.
No third way: nothing stands in silently under a peer's name.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest

from tests.peers import chromium as chromium_peer
from tests.peers import pki
from tests.peers.base import DEADLINE, PeerBroken, Running, tail
from tests.peers.catalogue import PEERS, named
from tests.peers.kannel import Kannel
from tests.peers.pki import Pki
from tests.peers.postfix import MailSystem
from tests.peers.postgres import Cluster
from tests.peers.rsyslog import Rsyslog
from tests.peers.smtp import MailServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# One instance of these serves all tests of a run: with xdist, they go to one worker.
SHARED = frozenset({"postfix"})


def is_required(name: str, environment: Mapping[str, str]) -> bool:
    """Whether the absence of a peer is a failure here."""
    listed = environment.get("ENLIST_PEERS")
    if listed is None:
        return environment.get("CI", "").lower() in {"true", "1"}
    return listed == "require" or name in [each.strip() for each in listed.split(",")]


@dataclass
class Standing:
    """What became of a peer in this process."""

    running: Running | None = None
    trouble: str = ""
    absent: bool = False
    seconds: float = 0

    @property
    def line(self) -> str:
        """As the closing line shows it, after the name."""
        if self.running is not None:
            return f"{self.running.version} {self.seconds:.1f}s"
        return f"ABSENT ({self.trouble})" if self.absent else "BROKEN"


@dataclass
class Peers:
    """The peers of this process: each is started at its first use and stopped at the end."""

    folders: Callable[[str], Path]
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    standings: dict[str, Standing] = field(default_factory=dict)

    def use(self, name: str) -> Running:
        """The running peer; else the test is skipped or fails, as the rule above says."""
        standing = self.standings.get(name)
        if standing is None:
            standing = self.standings[name] = self._bring(name)
        if standing.running is None:
            self._without(name, standing)
        return standing.running

    def _bring(self, name: str) -> Standing:
        peer = named(name)
        began = time.monotonic()
        missing = peer.probe()
        if missing is not None:
            return Standing(trouble=str(missing), absent=True)
        try:
            running = peer.start(self.folders(name))
        except PeerBroken as broken:
            return Standing(trouble=str(broken))
        return Standing(running, seconds=time.monotonic() - began)

    def _without(self, name: str, standing: Standing) -> NoReturn:
        if not standing.absent:
            pytest.fail(f"peer broken: {name} — {standing.trouble}", pytrace=False)
        reason = f"peer absent: {name} — {standing.trouble}"
        if is_required(name, self.environment):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)

    def logs(self) -> Iterator[tuple[str, str]]:
        """Name and log tail of each peer that runs."""
        for name, standing in self.standings.items():
            if standing.running is not None and (text := tail(standing.running.log)):
                yield name, text

    def stop(self) -> None:
        """Stop all, the last started first."""
        for standing in reversed(self.standings.values()):
            if standing.running is not None:
                standing.running.stop()


_PEERS = pytest.StashKey[Peers]()
_LINES = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LINES] = {}


@pytest.hookimpl(tryfirst=True)  # before tests/conftest.py, which leaves such groups as they are
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a peer, so that `-m "not peer"` leaves it out."""
    names = {peer.NAME for peer in PEERS}
    for item in items:
        used = names.intersection(getattr(item, "fixturenames", ()))
        used.update(str(name) for mark in item.iter_markers("peer") for name in mark.args)
        if used:
            item.add_marker(pytest.mark.peer(*sorted(used)))
        for name in sorted(used & SHARED):
            item.add_marker(pytest.mark.xdist_group(name))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Bring the peers of `@pytest.mark.peer`, for tests that need the program but no fixture."""
    wanted = dict.fromkeys(str(name) for mark in item.iter_markers("peer") for name in mark.args)
    for name in wanted:
        _of(item.config).use(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the end of the peers' logs under a failed test."""
    report = cast("pytest.TestReport", (yield))
    if report.failed:
        used = {str(name) for mark in item.iter_markers("peer") for name in mark.args}
        report.sections.extend(
            (f"log of {name}", text) for name, text in _of(item.config).logs() if name in used
        )
    return report  # type: ignore[return-value]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the peers and hand what they did to the process that reports."""
    peers = session.config.stash.get(_PEERS, None)
    if peers is None:
        return
    peers.stop()
    lines = {name: standing.line for name, standing in peers.standings.items()}
    session.config.stash[_LINES].update(lines)
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["peers"] = lines


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """xdist: a worker has ended."""
    node.config.stash[_LINES].update(getattr(node, "workeroutput", {}).get("peers", {}))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Iterator[None]:
    """Name every known peer last, so that nobody takes an unused one for a tested one."""
    yield
    lines = config.stash[_LINES]
    shown = " · ".join(f"{peer.NAME} {lines.get(peer.NAME, 'unused')}" for peer in PEERS)
    terminalreporter.write_line(f"peers: {shown}")


def _of(config: pytest.Config) -> Peers:
    peers = config.stash.get(_PEERS, None)
    if peers is None:
        factory = config._tmp_path_factory  # type: ignore[attr-defined]
        peers = config.stash[_PEERS] = Peers(lambda name: cast("Path", factory.mktemp(name)))
    return peers


@pytest.fixture(scope="session")
def peers(request: pytest.FixtureRequest) -> Peers:
    """The peers of this process."""
    return _of(request.config)


@pytest.fixture(scope="session")
def postgres(peers: Peers) -> Cluster:
    """This process's PostgreSQL cluster: `clone(template, fill)` gives a test its database."""
    return cast("Cluster", peers.use("postgres"))


@pytest.fixture
def afterwards() -> Iterator[ExitStack]:
    """What is to happen once the servers of a test have stopped.

    A server whose database was dropped beneath it would wait ten seconds for it when it stops.
    """
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def empty_database(postgres: Cluster, afterwards: ExitStack) -> str:
    """The URL of a fresh, empty PostgreSQL database."""
    url = postgres.create_database()
    afterwards.callback(postgres.drop, url)
    return url


@pytest.fixture(scope="session")
def throwaway_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates of a test authority, of a wrong host and of a rogue authority."""
    return pki.make(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def make_smtp(peers: Peers) -> Iterator[Callable[..., MailServer]]:
    """Start mail servers: `make_smtp(certificate=pki.server, logins={"name": "password"})`."""
    peers.use("smtp")
    started: list[MailServer] = []

    def make(**options: Any) -> MailServer:
        server = MailServer(**options)
        server.start()
        started.append(server)
        return server

    yield make
    for server in started:
        server.stop()


@pytest.fixture
def smtp(make_smtp: Callable[..., MailServer]) -> MailServer:
    """A plain mail server of this test's own: `messages`, `wait_for`, `answer`."""
    return make_smtp()


@pytest.fixture
def postfix(peers: Peers) -> MailSystem:
    """Postfix and Dovecot with empty mailboxes: `submission`, `context()`, `wait_for(user)`."""
    running = cast("MailSystem", peers.use("postfix"))
    running.empty()
    return running


@pytest.fixture(scope="session")
def kannel(peers: Peers) -> Kannel:
    """Kannel with a network that takes everything: `url`, `wait_for(number)`."""
    return cast("Kannel", peers.use("kannel"))


@pytest.fixture(scope="session")
def rsyslog(peers: Peers) -> Rsyslog:
    """rsyslog that takes syslog over TLS and TCP: `wait_for(text)`."""
    return cast("Rsyslog", peers.use("rsyslog"))


@pytest.fixture(scope="session")
def chromium(peers: Peers) -> str:
    """The path of the browser."""
    return peers.use("chromium").url


@pytest.fixture(scope="session")
def openziti(peers: Peers) -> str:
    """The path of a Python that has OpenZiti's client."""
    return peers.use("openziti").url


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Playwright's browser; a test makes its own context: `browser.new_context(base_url=…)`."""
    from playwright.sync_api import expect, sync_playwright

    patience = DEADLINE * 1000
    expect.set_options(timeout=patience)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium, args=chromium_peer.arguments(), timeout=patience
        )
        # Playwright's own are 5 seconds for an expectation, 30 for an action and for a page.
        launched.on("context", lambda made: made.set_default_timeout(patience))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def axe_script() -> Path:
    """The accessibility checker, to be given to `page.add_script_tag(path=…)`."""
    script = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
    if not script.exists():
        pytest.fail("axe-core is not installed: make assets", pytrace=False)
    return script


@pytest.fixture(scope="session")
def wrk(peers: Peers) -> str:
    """The path of the load generator."""
    return peers.use("wrk").url


@pytest.fixture(scope="session")
def zbar(peers: Peers) -> str:
    """The path of the second reader of QR codes."""
    return peers.use("zbar").url
