"""The one shape of all checks, and what they are given to look at."""

from __future__ import annotations

import functools
import os
import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509

from enlist.core.clock import Clock, system_clock
from enlist.core.diagnosis import Finding
from enlist.datafolder import NotForThisUser, refuse_strangers, user_name
from enlist.settings import Settings
from enlist.store.inspection import Inspection, inspect_postgres, inspect_sqlite
from enlist.store.tx import Reader, StoreUnavailable, Unstorable
from enlist.verbs.driver import Addresses
from enlist.wiring.beside import ServerNotes
from enlist.wiring.installation import CannotStart, addresses

T = TypeVar("T")


class CannotTell(Exception):
    """A check does not apply here, or what it needs is not to be had; the message says which."""


@dataclass(frozen=True)
class Ground:
    """What is examined: settings as the server has them, and everything behind them.

    Attributes:
        environment: the variables of the command itself.
        mounts: what is mounted where, as Linux tells it (proc(5), mountinfo).
    """

    settings: Settings
    server: ServerNotes = ServerNotes()  # noqa: RUF009 - a frozen value
    environment: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = system_clock
    mounts: Path = Path("/proc/self/mountinfo")
    _known: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def now(self) -> int:
        return self.clock()

    def once(self, name: str, find: Callable[[], T]) -> T:
        """What several checks ask for is found out once, though they run at the same time."""
        with self._lock:
            if name not in self._known:
                self._known[name] = find()
            found: T = self._known[name]
            return found

    @functools.cached_property
    def database(self) -> Inspection | StoreUnavailable:
        """The database, or why it cannot be looked at."""
        try:
            if self.settings.database:
                return inspect_postgres(self.settings.database, self.clock)
            refuse_strangers(self.settings.data)
            if not self.settings.sqlite_path.exists():
                return StoreUnavailable(f"there is no {self.settings.sqlite_path}")
            return inspect_sqlite(self.settings.sqlite_path, self.clock)
        except ImportError:
            return StoreUnavailable("PostgreSQL needs the extra: pip install 'enlist[postgres]'")
        except NotForThisUser as error:
            return StoreUnavailable(str(error))
        except StoreUnavailable as error:
            return error

    def read(self, function: Callable[[Reader], T]) -> T:
        """Ask the database.

        Raises:
            CannotTell: it does not answer; one check of its own says why.
        """
        if isinstance(self.database, StoreUnavailable):
            raise CannotTell("the database does not answer")
        try:
            return self.database.read(function)
        except (StoreUnavailable, Unstorable) as error:
            raise CannotTell(f"the database does not answer this: {error}") from error

    def only_on(self, dialect: str) -> None:
        """For a check that is about one of the two stores."""
        if (dialect == "postgres") != bool(self.settings.database):
            raise CannotTell(f"not on {'PostgreSQL' if dialect == 'sqlite' else 'SQLite'}")

    @property
    def addresses(self) -> Addresses:
        """Where people and devices are sent."""
        try:
            return addresses(self.settings)
        except CannotStart as error:
            raise CannotTell(str(error)) from error

    def certificate(self, path: Path) -> x509.Certificate:
        """The first certificate in a file.

        Raises:
            CannotTell: there is none.
        """
        try:
            return x509.load_pem_x509_certificate(path.read_bytes())
        except FileNotFoundError as error:
            raise CannotTell(f"there is no {path}") from error
        except (OSError, ValueError) as error:
            raise CannotTell(f"{path} cannot be read: {error}") from error

    def command(self, words: str) -> str:
        """A command of Enlist that works when it is copied: as the folder's user, on this folder.

        Whoever came by sudo is back in his own shell when he reads it.
        """
        data, program = self.settings.data, "enlist"
        try:
            owner = data.stat().st_uid
        except OSError:
            owner = os.geteuid()
        if owner != os.geteuid() or "SUDO_USER" in self.environment:
            program = f"sudo -u {user_name(owner)} enlist"
        return f"{program} {words} --data {shlex.quote(str(data))}"

    def close(self) -> None:
        """Let go of the database."""
        if isinstance(self.database, Inspection):
            self.database.close()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong with an installation.

    Attributes:
        name: stable; monitoring may refer to it.
        title: what it looks at, in two or three words.
        why: what goes wrong for people where this is wrong.
        run: looks, changes nothing, and says what it found; raises `CannotTell`.
    """

    name: str
    title: str
    why: str
    run: Callable[[Ground], Finding]
