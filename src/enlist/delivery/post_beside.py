"""A post in a process beside the server's: letters are sent while that answers requests.

Python uses one processor at a time. Writing a letter, making mail of it and speaking SMTP keep one
busy for some milliseconds, during which nobody who waits for the server would be answered; and a
mail server's answers are waited for one after the other. The process (`post_helper`) does that for
several letters at a time, and gives way to the server where both want the same processor.

It is started with the first batch that is worth it, and ended when there was nothing to do for a
while. It is told how to send, and letters; it has no keys, opens no database, and its command line
and environment hold no secret. Where it cannot be started, letters are sent in the server itself.

What it had in hand when it died may have arrived. So those letters are tried again as after any
connection that broke, ten seconds later and with the same Message-ID; one after the other, so that
a letter that ends whoever writes it takes no others with it for long.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Literal

import structlog

from enlist import __version__
from enlist.core.clock import SECOND
from enlist.core.ids import Id
from enlist.delivery.channels import Channel
from enlist.delivery.posting import Fault, Posted
from enlist.verbs.deliver import CLAIMED, FIRST_WAIT
from enlist.verbs.letters import Letter
from enlist.verbs.verdicts import Retry, Verdict

WORTH_HELP: Final = 8
"""Letters below which they are sent before a process has started."""
FOR_EACH: Final = 4
"""Letters under way for each connection: while half of them are sent, the next are fetched."""
START_WITHIN: Final = 20.0
"""Seconds that a process has to read its modules; it takes one."""
REST: Final = 60.0
"""Seconds until another is tried where none could be started, or one died before it sent any."""
IDLE: Final = 300.0
"""Seconds without a letter after which it is ended: it takes as much memory as it does."""
BEGIN_WITHIN: Final = 60.0
"""Seconds within which a letter must be begun. What stands in line for longer comes back: nothing
is still being sent when its claim has run out and another worker sends it too."""
PATIENCE: Final = CLAIMED / SECOND - BEGIN_WITHIN
"""Seconds without any answer after which it is taken for dead."""
_TOGETHER: Final = 0.025
"""Seconds that answers are gathered for: one transaction records all."""
_SEND_WITHIN: Final = 10
"""Seconds for it to take letters; it reads whatever else it does."""
_END_WITHIN: Final = 2.0
"""Seconds to say good-bye to mail servers."""
_HANDED_ON: Final = frozenset(("PATH", "TZ", "TMPDIR", "HOME", "LANG", "LANGUAGE", "HOSTALIASES"))
_BEGINNINGS: Final = ("LC_", "PYTHON", "SSL_CERT_", "OPENSSL_", "LD_", "MALLOC_", "RES_")
"""Of the environment: how Python, TLS and names work on this machine. No secret is among it."""

_log = structlog.get_logger("enlist.delivery")


@dataclass(frozen=True, slots=True)
class Way:
    """How the process makes itself a channel: something that can be pickled, and holds the secrets.

    Attributes:
        connections: as many letters are handed over at the same moment.
    """

    make: Callable[[], Channel]
    connections: int


@dataclass(frozen=True, slots=True)
class Orders:
    """What a process is told first.

    Attributes:
        locales: the folder with an operator's own texts.
    """

    ways: Mapping[str, Way]
    public_url: str
    locales: Path


Told = (
    tuple[Literal["posted"], Id, Verdict | Fault]
    | tuple[Literal["log"], str, Mapping[str, Any]]
    | tuple[Literal["awake"], str]
)
"""What it says: what became of a letter, a line for the log, or its version once it can begin."""


class PostBeside:
    """A post (see `posting`) that another process is.

    Args:
        orders: what it is to know.
        monotonic: seconds that pass.
    """

    def __init__(self, orders: Orders, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._orders = orders
        self._monotonic = monotonic
        self._process: _Process | None = None
        self._hand: list[Id] = []
        self._answered = False
        self._used = 0.0
        self._not_before = 0.0
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """Of the process, where there is one."""
        return self._process.pid if self._process is not None else None

    def ready(self, waiting: Mapping[str, int]) -> bool:
        """Whether it takes letters now; starts it where as many wait as are worth it."""
        if self._stopped:
            return False
        if self._process is not None and self._process.alive:
            return True
        self._end()
        many = sum(count for channel, count in waiting.items() if channel in self._orders.ways)
        if many < WORTH_HELP or self._monotonic() < self._not_before:
            return False
        try:
            self._process = _Process(self._orders)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it: others send them
            _log.warning("sending without a helper", error=type(error).__name__, detail=str(error))
            self._not_before = self._monotonic() + REST
            return False
        self._used, self._answered = self._monotonic(), False
        return True

    def most(self, channel: str) -> int:
        if self._process is None:
            return 0
        way = self._orders.ways.get(channel)
        return FOR_EACH * way.connections if way is not None else 1

    def send(self, letters: Sequence[tuple[Id, Letter]]) -> None:
        self._hand += [message_id for message_id, _ in letters]
        self._used = self._monotonic()
        if self._process is not None:
            try:
                self._process.line.send(letters)
            except OSError:  # what it has in hand is told as soon as it is asked for
                self._process.kill()

    def answers(self) -> Sequence[Posted]:
        """What became of some; as many as half of them, if they are known soon."""
        posted: list[Posted] = []
        enough = (len(self._hand) + 1) // 2
        until = self._monotonic() + PATIENCE
        try:
            while len(posted) < enough:
                posted += self._heard(until)
                if posted:
                    until = min(until, self._monotonic() + _TOGETHER)
        except TimeoutError as error:
            if not posted:
                posted += self._lost(error)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it
            posted += self._lost(error)
        return posted

    def release(self) -> None:
        if self._process is not None and self._monotonic() > self._used + IDLE:
            self._end()

    def stop(self, *, at_once: bool) -> None:
        """End it; at once while another thread waits for its answers, which then sees it gone."""
        self._stopped = True
        process = self._process
        if not at_once:
            self._end()
        elif process is not None:
            process.kill()

    def _heard(self, until: float) -> list[Posted]:
        """The next thing that it says, where that is what became of a letter.

        Raises:
            TimeoutError: it says nothing.
            Exception: it is gone.
        """
        if self._process is None:
            raise EOFError
        line = self._process.line
        if not line.poll(max(0.0, until - self._monotonic())):
            raise TimeoutError("no answer in time")
        told: Told = line.recv()
        if told[0] == "log":
            getattr(_log, told[1])(**told[2])
        if told[0] != "posted":
            return []
        self._answered = True
        self._hand.remove(told[1])
        return [(told[1], told[2])]

    def _lost(self, error: Exception) -> list[Posted]:
        """It is gone: what it had in hand is for later."""
        code = self._end(at_once=True)
        if not self._stopped:
            _log.warning(
                "a process that sends messages ended",
                error=type(error).__name__,
                code=code,
                letters=len(self._hand),
            )
        if not self._answered:
            self._not_before = self._monotonic() + REST
        reason = "the process that sends messages ended; it may have arrived"
        lost, self._hand = self._hand, []
        return [
            (each, Retry(reason, after=FIRST_WAIT + place * SECOND))
            for place, each in enumerate(lost)
        ]

    def _end(self, *, at_once: bool = False) -> int | None:
        """End it; the code that it ended with."""
        process, self._process = self._process, None
        if process is None:
            return None
        return process.end(0 if at_once else _END_WITHIN)


class _Process:
    """The process, and the line to it.

    Raises:
        OSError, EOFError, TimeoutError, RuntimeError: it could not be started.
    """

    def __init__(self, orders: Orders) -> None:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_WITHIN, 0))
        self.line = Connection(ours.detach())
        try:
            with theirs:
                # Not `multiprocessing`: that hands on the whole environment, with its passwords.
                self._process = subprocess.Popen(  # noqa: S603 - ours
                    [sys.executable, "-P", "-m", _HELPER, str(theirs.fileno())],
                    env=_environment(),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
        except OSError:
            self.line.close()
            raise
        try:
            self.line.send(orders)
            self._await()
        except BaseException:
            self.end(0)
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it from another thread; whoever waits for it sees that."""
        self._process.kill()

    def end(self, within: float) -> int | None:
        """Let it end by itself for so long, as it does once the line is closed."""
        self.line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if within:
                return self._process.wait(within)
        self._process.kill()
        return self._process.wait()

    def _await(self) -> None:
        if not self.line.poll(START_WITHIN):
            raise TimeoutError(f"it did not begin within {START_WITHIN:.0f} seconds")
        told: Told = self.line.recv()
        if told != ("awake", __version__):
            # An update replaced the files that this server was started from.
            raise RuntimeError("it is another version; restart the server")


_HELPER: Final = "enlist.delivery.post_helper"


def _environment() -> dict[str, str]:
    """Of the process: nothing that was not named above; the very modules that are loaded here."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name in _HANDED_ON or name.startswith(_BEGINNINGS)
    }
    return own | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
