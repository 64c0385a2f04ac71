"""The process that letters are sent by, where there are many; see `post_beside`.

`python -m enlist.delivery.post_helper N` speaks over the open socket N: first it is told how to
send, then letters, and it says what became of each. It ends when the other side is gone, however
that ended. Signals that a terminal or systemd sends to all of a server are left to the server,
which has its letters finished first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, NoReturn

import structlog

from enlist import __version__
from enlist.core.ids import Id
from enlist.delivery.channels import Channel
from enlist.delivery.post_beside import BEGIN_WITHIN, Orders, Told, Way
from enlist.delivery.posting import Fault, hand_over
from enlist.locales import use_own
from enlist.verbs.channels import CHANNELS
from enlist.verbs.letters import Letter
from enlist.verbs.verdicts import Retry, Verdict

_NICER: Final = 10
"""How much it gives way to the server where both want a processor."""
_QUIET: Final = 2.0
"""Seconds without a letter after which connections are let go of."""
_GOODBYE: Final = 1.0
"""Seconds to say good-bye to mail servers at the end."""

Tell = Callable[[Told], None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A letter in line; `until` is when it must have been begun, monotonic seconds."""

    message_id: Id
    letter: Letter
    until: float


class Counter:
    """Where the letters of one channel stand in line, and the threads that send them.

    Each thread has a channel of its own, with its connection, for as long as there is something to
    send. A mail server may take fewer connections than there are: where one is refused while others
    go on, its letter goes back in line, and there is one fewer until the line is empty.

    Args:
        way: None where no way to send is set up.
        tell: told what became of each letter; by any thread.
    """

    def __init__(self, way: Way | None, public_url: str, tell: Tell) -> None:
        self._public_url = public_url
        self._tell = tell
        count = 1 if way is None else way.connections
        self._free: list[Channel | None] = [way.make() if way else None for _ in range(count)]
        self._refused: list[Channel | None] = []
        self._reaching: set[int] = set()
        self._threads: set[threading.Thread] = set()
        self._line: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._ending = False

    def put(self, letters: Sequence[tuple[Id, Letter]]) -> None:
        """Have letters sent."""
        until = time.monotonic() + BEGIN_WITHIN
        with self._changed:
            self._line.extend(_Waiting(message_id, each, until) for message_id, each in letters)
            self._changed.notify_all()
            for _ in range(min(len(letters), len(self._free))):
                channel = self._free.pop()
                thread = threading.Thread(target=self._serve, args=(channel,), daemon=True)
                self._threads.add(thread)
                thread.start()

    def end(self) -> None:
        """Say good-bye to whoever is connected, if that is done soon."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            threads = list(self._threads)
        until = time.monotonic() + _GOODBYE
        for each in threads:
            each.join(max(0.0, until - time.monotonic()))

    def _serve(self, channel: Channel | None) -> None:
        """What a thread does until nothing is left, or its connection is refused."""
        while True:
            waiting = self._next()
            if waiting is not None:
                if not self._send(waiting, channel):
                    return
                continue
            if channel is not None:
                channel.release()
            with self._changed:
                if not self._line or self._ending:
                    self._free.append(channel)
                    self._leave(channel)
                    return

    def _next(self) -> _Waiting | None:
        """The next in line; None where nothing comes for a while."""
        with self._changed:
            self._changed.wait_for(lambda: self._line or self._ending, _QUIET)
            if self._line and not self._ending:
                return self._line.popleft()
            return None

    def _send(self, waiting: _Waiting, channel: Channel | None) -> bool:
        """Send a letter and say what became of it; whether to go on with this connection."""
        answer = self._answer(waiting, channel)
        gone = isinstance(answer, Retry) and answer.unreachable
        told = [waiting]
        with self._changed:
            self._reaching.discard(id(channel))
            if not gone:
                self._reaching.add(id(channel))
            elif self._reaching:
                # Others are served. Only mail has others, and this letter was not taken.
                self._line.appendleft(waiting)
                self._changed.notify()
                self._refused.append(channel)
                self._leave(channel)
                return False
            else:
                told += self._line
                self._line.clear()
        for each in told:
            self._tell(("posted", each.message_id, answer))
        return True

    def _answer(self, waiting: _Waiting, channel: Channel | None) -> Verdict | Fault:
        if time.monotonic() > waiting.until:
            return Retry("it stood in line for too long: more is sent than is taken")
        return hand_over(waiting.letter, channel, self._public_url)

    def _leave(self, channel: Channel | None) -> None:
        """A thread ends; the last one leaves all connections to the next letters."""
        self._reaching.discard(id(channel))
        self._threads.discard(threading.current_thread())
        if not self._threads:
            self._free += self._refused
            self._refused.clear()


def _log_by(tell: Tell) -> None:
    """Have the other side write what is logged here: it knows how, and where."""

    def forward(_logger: Any, method: str, line: MutableMapping[str, Any]) -> str:
        tell(("log", method, dict(line)))
        raise structlog.DropEvent

    structlog.configure(processors=[forward])


def main() -> NoReturn:
    """Send letters for whoever started this, for as long as he is there."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # a service may be forbidden to
        os.nice(_NICER)
    line = Connection(int(sys.argv[1]))
    speaking = threading.Lock()

    def tell(told: Told) -> None:
        try:
            with speaking:
                line.send(told)
        except OSError:
            os._exit(1)  # nobody is there any more

    orders: Orders = line.recv()
    _log_by(tell)
    use_own(orders.locales)
    counters = {
        channel: Counter(orders.ways.get(channel), orders.public_url, tell) for channel in CHANNELS
    }
    tell(("awake", __version__))
    with contextlib.suppress(EOFError, OSError):
        while True:
            letters: list[tuple[Id, Letter]] = line.recv()
            for channel, counter in counters.items():
                counter.put([each for each in letters if each[1].channel == channel])
    for counter in counters.values():
        counter.end()
    os._exit(0)


if __name__ == "__main__":
    main()
