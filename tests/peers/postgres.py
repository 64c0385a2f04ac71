"""A private PostgreSQL cluster on a unix socket, never as root, with databases cloned per test.

Its durability switches are off, and it lives in memory where there is room: right for tests of
behaviour, wrong for tests of speed or of crashes, which take a cluster of their own with
`cluster(durable=True)`. A test's database is some hundred files: a busy disk takes a second or two
to make them, and memory a tenth of that.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.peers.base import (
    DEADLINE,
    MEMORY,
    Missing,
    PeerBroken,
    as_user,
    checked,
    dotted,
    find_program,
    finish,
    launch,
    memory,
    version_of,
    wait_until,
)

if TYPE_CHECKING:
    import psycopg

NAME = "postgres"
PACKAGES = ("postgresql",)
MIN_VERSION = (15,)
NEEDS_ROOT = False

PORT = 5432  # part of the socket's name only: every cluster has a folder of its own
PREFIX = "enlist-pg-"
OWNER = "postgres"  # runs the cluster where we are root, whom PostgreSQL refuses
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def programs() -> Path | None:
    """The folder of initdb, postgres, pg_dump: from PATH, else Debian's newest."""
    if not os.environ.get("PATH"):
        return None
    found = find_program("initdb")
    if found is not None:
        return Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin/initdb")
    newest = max(debian, key=lambda path: int(path.parts[-3]), default=None)
    return None if newest is None else newest.parent


def probe() -> Missing | None:
    if importlib.util.find_spec("psycopg") is None:
        return Missing("no Python library psycopg (extra postgres)")
    folder = programs()
    if folder is None:
        return Missing(
            'no executable "initdb" in PATH or /usr/lib/postgresql (Debian package postgresql)'
        )
    version = version_of([str(folder / "postgres"), "--version"])
    if version < MIN_VERSION:
        return Missing(f"postgres {dotted(version)} is older than {dotted(MIN_VERSION)}")
    if os.geteuid() == 0 and OWNER not in (user.pw_name for user in pwd.getpwall()):
        return Missing(f"PostgreSQL refuses root and there is no user {OWNER} to run it as")
    return None


@dataclass
class Cluster:
    """A running cluster: hands out databases, cloned from templates that are filled once."""

    folder: Path
    programs: Path
    process: subprocess.Popen[bytes]
    log: Path
    version: str
    _command: Sequence[str] = ()
    _templates: set[str] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _connection: psycopg.Connection | None = None

    @property
    def url(self) -> str:
        """The URL of the maintenance database."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The connection URL of a database, as `--database` takes it."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder))}&port={PORT}"

    def create_database(self, template: str = "template1") -> str:
        """Copy `template` into a fresh database and return its URL.

        PostgreSQL refuses while anybody is connected to the template.
        """
        name = f"t_{next(self._numbers)}"
        # Copying files takes less than logging every page, where nothing is forced to the disk.
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url_of(name)

    def clone(self, template: str, fill: Callable[[str], None]) -> str:
        """A fresh copy of a template, which `fill(url)` makes at its first use in this cluster."""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", template):
            raise ValueError("a template's name is lower-case letters, digits and underscores")
        if template not in self._templates:
            self.execute(f"CREATE DATABASE {template}")
            fill(self.url_of(template))
            self._templates.add(template)
        return self.create_database(template)

    def drop(self, url: str) -> None:
        """Drop a database that was handed out, whoever is still connected to it."""
        name = url.partition("@/")[2].partition("?")[0]
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run one statement as superuser on the maintenance database."""
        import psycopg

        if self._connection is None or self._connection.broken or self._connection.closed:
            self._connection = psycopg.connect(self.url, autocommit=True)
        self._connection.execute(statement.encode())

    def dump(self, url: str) -> str:
        """A database as text (pg_dump), for tests that grep it."""
        return checked([str(self.programs / "pg_dump"), "--dbname", url])

    def kill(self) -> None:
        """End the server as a crash would."""
        self._let_go()
        self.process.kill()
        self.process.wait(DEADLINE)

    def revive(self) -> None:
        """Start the server again after `kill`, on the same data; it recovers by itself."""
        self.process = _serve(self._command, self.log)
        wait_until(_answering(self), "PostgreSQL", log=self.log, process=self.process)

    def stop(self) -> None:
        """End it at once, then remove its folder: an orphan would notice only minutes later."""
        self._let_go()
        finish(self.process, signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def cluster(*, durable: bool = False, settings: Sequence[str] = ()) -> Cluster:
    """Make and start a cluster; `settings` are `name=value` as in postgresql.conf."""
    found = programs()
    if found is None:
        raise PeerBroken("PostgreSQL's programs are gone")
    # Directly in the temporary folder: a socket's path ends at 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=None if durable else _memory()))
    if os.geteuid() == 0:
        shutil.chown(folder, OWNER, OWNER)
    running: Cluster | None = None
    try:
        running = _start(folder, found, [*(() if durable else FAST), *settings])
        wait_until(_answering(running), "PostgreSQL", log=running.log, process=running.process)
    except PeerBroken:
        if running is not None:
            running.stop()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return running


def _memory() -> Path | None:
    """Memory, if there is room; what killed runs left in it an hour ago or before is removed."""
    for left in MEMORY.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if left.stat().st_mtime < time.time() - 3600 and not _serves(left):
                shutil.rmtree(left, ignore_errors=True)
    return memory()


def _serves(folder: Path) -> bool:
    """Whether a cluster that was made there runs."""
    try:
        pid = (folder / "data" / "postmaster.pid").read_text().split()[0]
    except (OSError, IndexError):
        return False
    return Path(f"/proc/{pid}").exists()


def _start(folder: Path, found: Path, settings: Sequence[str]) -> Cluster:
    data, log = folder / "data", folder / "log"
    owner = ["setpriv", *as_user(OWNER), "--"] if os.geteuid() == 0 else []
    initdb = [str(found / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"]
    checked([*owner, *initdb, "-E", "UTF8", "--no-locale", "--no-sync"], folder=folder)
    here = ("listen_addresses=", f"unix_socket_directories={folder}", f"port={PORT}")
    options = [part for each in (*here, *settings) for part in ("-c", each)]
    server = [str(found / "postgres"), "-D", str(data), *options]
    version = dotted(version_of([str(found / "postgres"), "--version"]))
    return Cluster(folder, found, _serve(server, log), log, version, server)


def _serve(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    # SIGINT is the fast shutdown; on SIGTERM PostgreSQL would wait for its clients.
    return launch(command, log, ending="INT", user=OWNER)


def _answering(running: Cluster) -> Callable[[], bool]:
    """Whether the cluster answers a query."""
    import psycopg

    def answers() -> bool:
        try:
            running.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    return answers


def start(folder: Path) -> Cluster:
    return cluster()
