"""The hand-over between the event loop and the hot lane.

Each request of a hot verb waits in a queue, and a thread takes everything that waits, does it
together and answers all. While it works the next ones gather: the busier it is, the larger the
batches, and the less each request costs. A request that comes alone is not kept waiting.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import Histogram

from enlist.core.caller import Caller
from enlist.verbs.driver import HotVerb
from enlist.verbs.together import Outcome, Together

MOST: Final = 64
"""Requests in a batch: a disk flush is shared by enough then, and nobody waits long."""


BATCH: Final = Histogram(
    "enlist_batch_requests",
    "Requests that were done together: the busier the server, the more.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)


@dataclass(frozen=True, slots=True)
class _Waiting:
    verb: HotVerb[Any, Any, Any]
    caller: Caller
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Outcome]


class Gathering:
    """Gathers the requests of one kind of verb.

    Args:
        threads: as many as gain by it: one on SQLite, which has one writer; on PostgreSQL one
            batch is prepared while the other waits for the server.
    """

    def __init__(self, together: Together, threads: int) -> None:
        self._together = together
        self._queue: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        for number in range(threads):
            name = f"hot-{number}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    async def perform(self, verb: HotVerb[Any, Any, Any], caller: Caller) -> Outcome:
        """Do it, perhaps together with others."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        self._queue.put(_Waiting(verb, caller, loop, answer))
        return await answer

    def _work(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < MOST:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            BATCH.observe(len(batch))
            outcomes = self._together.perform([(one.verb, one.caller) for one in batch])
            batch[0].loop.call_soon_threadsafe(_answer, batch, outcomes)


def _answer(batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for one, outcome in zip(batch, outcomes, strict=True):
        if not one.answer.done():  # cancelled, because the client is gone
            one.answer.set_result(outcome)
