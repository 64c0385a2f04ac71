"""Runs do not meet: two at once, and one that has no network but loopback (TP05 to TP08)."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.base import DEADLINE
from tests.peers.catalogue import PEERS
from tests.peers.samples.each_peer import NAMES
from tests.peers.sampling import ROOT, command, environment_of

pytestmark = pytest.mark.peer(*NAMES)
ALONE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
BUDGET = 300
"""Seconds that bringing all peers may take on two busy cores; it took 3 on idle ones."""


def _start(log: Path, *before: str) -> subprocess.Popen[bytes]:
    """The sample, which brings each peer, as in a CI: none may be absent."""
    with log.open("w") as out:
        return subprocess.Popen(
            [*before, *command()],
            cwd=ROOT,
            env=environment_of({"CI": "true"}),
            stdout=out,
            stderr=out,
        )


@dataclass(frozen=True)
class Ended:
    """How a run ended, and what it printed."""

    status: int
    printed: str


def _may_be_alone() -> bool:
    probe = subprocess.run([*ALONE, "true"], capture_output=True, check=False)
    return probe.returncode == 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """Runs that began at the same moment: two like any, and one that has loopback alone."""
    wanted = {"one": [], "other": [], **({"alone": ALONE} if _may_be_alone() else {})}
    folder = tmp_path_factory.mktemp("runs")
    started = {name: _start(folder / name, *before) for name, before in wanted.items()}
    return {
        name: Ended(run.wait(3 * DEADLINE), (folder / name).read_text())
        for name, run in started.items()
    }


def test_two_runs_at_once_pass(runs: dict[str, Ended]) -> None:
    """TP05: ports and folders are each run's own."""
    for name in ("one", "other"):
        assert runs[name].status == 0, runs[name].printed


def test_a_ci_tests_every_peer_and_says_so(runs: dict[str, Ended]) -> None:
    """TP07: none is skipped; the last lines name each with its version."""
    for run in runs.values():
        *_, line, closing = run.printed.strip().splitlines()
        assert f"{len(NAMES)} passed" in closing
        assert "skipped" not in closing
        brought = [name for name in NAMES if re.search(rf"\b{name} [\d.]+ [\d.]+s", line)]
        assert brought == NAMES, line
        assert line.count("·") == len(PEERS) - 1


def test_bringing_all_peers_is_cheap(runs: dict[str, Ended]) -> None:
    """TP08: each says how long it took, so that one that grows slow is seen."""
    for run in runs.values():
        line = run.printed.strip().splitlines()[-2]
        assert sum(float(each) for each in re.findall(r" ([\d.]+)s\b", line)) < BUDGET


def test_nothing_leaves_loopback(runs: dict[str, Ended]) -> None:
    """TP06: the same result where there is no other network."""
    if "alone" not in runs:
        pytest.skip("this user may not make a network namespace")
    assert runs["alone"].status == 0, runs["alone"].printed
