"""Processes beside this one that check events: as many as there are processors (K12).

Python uses one processor at a time, and checking a million events keeps one busy for a while.
A helper opens the database itself, reads, and answers; it ends with the process that asked.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Final

from enlist.core.clock import system_clock
from enlist.settings import Settings
from enlist.store.lanes import Store
from enlist.store.sealed_events import Piece
from enlist.verbs import check_events
from enlist.verbs.check_events import Checked
from enlist.verbs.verify_log import Check
from enlist.wiring import look_for_garbage_seldom
from enlist.wiring.installation import open_store

_MOST: Final = 8
_store: Store
"""Of a helper: what it was started for."""


@contextmanager
def helpers(settings: Settings) -> Iterator[Check | None]:
    """Processes that check pieces of the log; none start before the first is asked for.

    None where there is one processor, which this process can keep busy alone.
    """
    processors = len(os.sched_getaffinity(0))
    if processors == 1:
        yield None
        return
    # Not forked: this process has threads, which a fork would leave in the middle of something.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(processors, _MOST), context, _begin, (settings,))

    def check(piece: Piece) -> Callable[[], Checked]:
        return pool.submit(_check, piece).result

    try:
        yield check
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(settings: Settings) -> None:
    global _store  # noqa: PLW0603 - how a pool hands something to what it runs
    begin_to_help()
    _store = open_store(settings, system_clock)


def begin_to_help() -> None:
    """Of a new helper: whoever asked ends it, and nobody else does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    look_for_garbage_seldom()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's process whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)


def _check(piece: Piece) -> Checked:
    return check_events.check(_store, piece)
