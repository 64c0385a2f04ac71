"""What all peers share: find a program, start it so that it cannot outlive the run, wait for it."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
MEMORY = Path("/dev/shm")  # noqa: S108 - every folder in it has a random name or its user's alone
ROOM = 4 * 2**30  # bytes that must be free in it
LOG_TAIL = 40  # lines of a peer's log that a report shows
DEADLINE: Final = 180.0
"""Seconds that a test waits for what must come. Only a failure ever waits as long: a machine that
is ten times slower than usual, and busy with other things, must still be in time."""


@dataclass(frozen=True)
class Missing:
    """Why a peer cannot be used on this machine."""

    why: str

    def __str__(self) -> str:
        return self.why


class PeerBroken(Exception):
    """A peer that is installed did not start or never answered: always a failure, never a skip."""


class Running(Protocol):
    """A started peer: `url` is where it answers, `log` the file to look into when it does not."""

    @property
    def url(self) -> str: ...

    @property
    def log(self) -> Path | None: ...

    @property
    def version(self) -> str: ...

    def stop(self) -> None: ...


class Peer(Protocol):
    """The shape of a peer's module."""

    @property
    def NAME(self) -> str: ...  # noqa: N802

    @property
    def PACKAGES(self) -> tuple[str, ...]: ...  # noqa: N802

    @property
    def MIN_VERSION(self) -> tuple[int, ...]: ...  # noqa: N802

    @property
    def NEEDS_ROOT(self) -> bool: ...  # noqa: N802

    def probe(self) -> Missing | None: ...

    def start(self, folder: Path) -> Running: ...


@dataclass
class Program:
    """The `Running` of a peer that is a program to call, not a server: `url` is its path."""

    url: str
    version: str
    log: Path | None = None

    def stop(self) -> None:
        """Nothing runs."""


def find_program(name: str) -> str | None:
    """The path of an executable, also in Debian's sbin folders, which a user's PATH leaves out.

    An empty PATH finds nothing anywhere: that is how the rule's own tests take the peers away.
    """
    path = os.environ.get("PATH", os.defpath)
    if not path:
        return None
    return shutil.which(name, path=os.pathsep.join((path, *SYSTEM_FOLDERS)))


def lacking(
    program: str,
    package: str,
    *,
    minimum: tuple[int, ...] = (),
    version: Sequence[str] = ("--version",),
    needs_root: bool = False,
) -> Missing | None:
    """The usual probe: the program is there, new enough, and may be started by this user.

    `version` is what makes the program print its version.
    """
    path = find_program(program)
    if path is None:
        return Missing(f'no executable "{program}" in PATH or /usr/sbin (Debian package {package})')
    if needs_root and os.geteuid() != 0:
        return Missing("needs root")
    if minimum and (found := version_of([path, *version])) < minimum:
        return Missing(f"{program} {dotted(found)} is older than {dotted(minimum)}")
    return None


def version_of(command: Sequence[str]) -> tuple[int, ...]:
    """The first dotted number that a command prints; empty, thus too old, when there is none."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def dotted(version: Sequence[int]) -> str:
    """A version as people write it."""
    return ".".join(str(part) for part in version) or "of unknown version"


_PORTS = range(16_000, 32_000)
"""Below those that the kernel gives to clients: one of its choice could be somebody else's before
a server takes it."""
_NEXT: Final[Iterator[int]] = itertools.cycle([*_PORTS[os.getpid() % len(_PORTS) :], *_PORTS])
_OURS: list[socket.socket] = []


def memory() -> Path | None:
    """A file system in memory, where nobody waits for a disk at each commit.

    None where it is small, runs no programs, or somebody said where to put what is temporary.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return None
    if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return MEMORY if shutil.disk_usage(MEMORY).free > ROOM else None


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody listens on now, and that no test of any run here is given, too.

    An abstract socket of the port's name says that it is ours, until this process ends.
    """
    for port in _NEXT:
        ours = socket.socket(socket.AF_UNIX)
        try:
            ours.bind(f"\0enlist-test-port-{port}")
            with socket.socket() as probe:
                probe.bind((address, port))
        except OSError:
            ours.close()
        else:
            _OURS.append(ours)
            return port
    raise AssertionError("unreachable")


def launch(
    command: Sequence[str],
    log: Path,
    *,
    ending: str = "TERM",
    user: str | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server of ours, its output in `log`, as `user` where we are root.

    The kernel sends it the signal `ending` when the thread that started it ends, so that a killed
    run leaves nothing behind; therefore peers are started from the main thread only. User and
    death signal go into one setpriv: a change of user would clear a signal that was set before.
    """
    prefix = ["setpriv", "--pdeathsig", ending, *as_user(user)]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*prefix, "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else {**os.environ, **environment},
            start_new_session=True,
        )


def as_user(user: str | None) -> list[str]:
    """setpriv's options to run as that user; none when we are not root and so already are."""
    if user is None or os.geteuid() != 0:
        return []
    return [f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def finish(
    process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM, *, seconds: float = 60
) -> None:
    """End a process, politely first, then with all of its group."""
    if process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(seconds)


def wait_until(
    answers: Callable[[], bool],
    what: str,
    *,
    log: Path | None = None,
    process: subprocess.Popen[bytes] | None = None,
    seconds: float = DEADLINE,
) -> None:
    """Poll for a real answer to a real request; PeerBroken with the log's end after `seconds`."""
    deadline = time.monotonic() + seconds
    while not answers():
        if process is not None and process.poll() is not None:
            raise PeerBroken(f"{what} ended with {process.returncode}{tail(log)}")
        if time.monotonic() > deadline:
            raise PeerBroken(f"{what} did not answer within {seconds:g} s{tail(log)}")
        time.sleep(0.03)


def tail(log: Path | None) -> str:
    """The last lines of a log as a report shows them."""
    if log is None or not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL:]
    return "\n".join(["", f"--- {log.name}", *lines])


def checked(command: Sequence[str], *, folder: Path | None = None) -> str:
    """Run one step of a peer's set-up and return its output; PeerBroken when it fails."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE,
        check=False,
        cwd=folder,
    )
    if done.returncode != 0:
        raise PeerBroken(f"{' '.join(command[:3])} … failed with {done.returncode}\n{done.stdout}")
    return done.stdout
