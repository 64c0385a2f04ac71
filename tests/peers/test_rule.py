"""The rule itself: skip aloud, or fail; never pass, and leave nothing behind (TP01 to TP04)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.base import DEADLINE, wait_until
from tests.peers.plugin import is_required
from tests.peers.samples.each_peer import NAMES
from tests.peers.sampling import ROOT, command, environment_of


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the sample in a pytest of its own, in a CI or not as `environment` says."""
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment_of(environment),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_absent_peers_are_skipped_aloud() -> None:  # TP01
    run = _run(PATH="")
    assert run.returncode == 0, run.stdout
    assert f"{len(NAMES)} skipped" in run.stdout.splitlines()[-1]
    assert run.stdout.count(": peer absent: ") == len(NAMES)
    assert "peer absent: wrk — no executable" in run.stdout
    assert "(Debian package wrk)" in run.stdout


def test_absent_peers_fail_in_ci() -> None:  # TP02
    run = _run(PATH="", CI="true")
    assert run.returncode == 1
    assert f"{len(NAMES)} errors" in run.stdout.splitlines()[-1]
    assert "skipped" not in run.stdout.splitlines()[-1]
    assert "peer absent: wrk — no executable" in run.stdout


def test_only_the_listed_peers_are_required() -> None:
    run = _run(PATH="", CI="true", ENLIST_PEERS="wrk")
    assert f"{len(NAMES) - 1} skipped, 1 error" in run.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("environment", "required"),
    [
        ({}, False),
        ({"CI": ""}, False),
        ({"CI": "false"}, False),
        ({"CI": "true"}, True),
        ({"CI": "true", "ENLIST_PEERS": ""}, False),
        ({"ENLIST_PEERS": "require"}, True),
        ({"ENLIST_PEERS": "postgres, wrk"}, True),
        ({"ENLIST_PEERS": "postgres"}, False),
    ],
)
def test_who_is_required(environment: dict[str, str], required: bool) -> None:
    assert is_required("wrk", environment) is required


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a peer's own user can enter, unlike those of pytest; its path is short."""
    folder = Path(tempfile.mkdtemp(prefix="enlist-rule-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def broken_postgres(open_folder: Path) -> Path:
    """PostgreSQL's programs, all of which claim a good version and fail at their work."""
    for name in ("initdb", "postgres"):
        _script(open_folder / name, "echo the disk is on fire; exit 1")
    return open_folder


def _script(file: Path, body: str) -> None:
    version = '[ "$1" = --version ] && echo "postgres (PostgreSQL) 15.99" && exit'
    file.write_text(f"#!/bin/sh\n{version}\n{body}\n")
    file.chmod(0o755)


@pytest.mark.parametrize("server_starts", [False, True])
def test_a_broken_peer_fails_everywhere(broken_postgres: Path, server_starts: bool) -> None:  # TP03
    if server_starts:
        _script(broken_postgres / "initdb", "exit 0")
    path = os.pathsep.join((str(broken_postgres), os.environ["PATH"]))
    run = _run("-k", "postgres", PATH=path)
    assert run.returncode == 1
    assert "1 error" in run.stdout.splitlines()[-1]
    assert "peer broken: postgres" in run.stdout
    assert "the disk is on fire" in run.stdout
    assert "postgres BROKEN" in run.stdout


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.peer(n)) for n in ("postgres", "postfix", "chromium")],
)
def test_a_killed_run_leaves_nothing_behind(
    name: str, tmp_path: Path, open_folder: Path
) -> None:  # TP04
    ready = tmp_path / "ready"
    # The folders of its peers stay behind, since nobody is left to remove them: so they go here.
    environment = environment_of({"ENLIST_HOLD": str(ready), "TMPDIR": str(open_folder)})
    with (tmp_path / "log").open("w") as log:
        run = subprocess.Popen(command("-k", name), cwd=ROOT, env=environment, stdout=log)
    wait_until(ready.exists, "the inner run", process=run, log=tmp_path / "log")
    offspring = _descendants(run.pid)
    assert offspring
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_until(lambda: not any(map(_lives, offspring)), "the end of each of its processes")


def _descendants(ancestor: int) -> dict[int, str]:
    """All processes below one, with their names."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if (fields := _stat(int(folder.name))) is not None:
            parents[int(folder.name)] = int(fields[1])
    found: dict[int, str] = {}
    level = [ancestor]
    while level:
        level = [pid for pid, parent in parents.items() if parent in level]
        found |= {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in level}
    return found


def _stat(pid: int) -> list[str] | None:
    """State, parent and the rest of /proc/PID/stat, which follow the name in parentheses."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _lives(pid: int) -> bool:
    """A zombie holds nothing any more; who reaps it is not ours to say."""
    fields = _stat(pid)
    return fields is not None and fields[0] != "Z"
