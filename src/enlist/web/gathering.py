"""The hand-over between the event loop and the hot lane.

Each request of a hot verb waits in a queue, and a thread takes everything that waits, does it
together and answers all. While it works the next ones gather: the busier it is, the larger the
batches, and the less each request costs. A request that comes alone is not kept waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import weakref
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


_Queue = queue.SimpleQueue[_Waiting | None]


class Gathering:
    """Gathers the requests of one kind of verb for one thread.

    With a second thread the batches would be half as large, and so each request dearer: it is
    Python that is the limit, not the waiting for the database.
    """

    def __init__(self, together: Together) -> None:
        self._queue: _Queue = queue.SimpleQueue()
        given = (self._queue, together)
        threading.Thread(target=_work, args=given, name="hot", daemon=True).start()
        # It ends with this object, which is why it does not hold it.
        weakref.finalize(self, self._queue.put, None)

    async def perform(self, verb: HotVerb[Any, Any, Any], caller: Caller) -> Outcome:
        """Do it, perhaps together with others."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        self._queue.put(_Waiting(verb, caller, loop, answer))
        return await answer


def _work(waiting: _Queue, together: Together) -> None:
    while (first := waiting.get()) is not None:
        batch = [first]
        while len(batch) < MOST:
            try:
                following = waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                waiting.put(None)
                break
            batch.append(following)
        BATCH.observe(len(batch))
        _answer(batch, _outcomes(together, batch))


def _outcomes(together: Together, batch: Sequence[_Waiting]) -> Sequence[Outcome]:
    """What came of a batch. The thread must outlive whatever happens: everybody waits for it."""
    try:
        return together.perform([(one.verb, one.caller) for one in batch])
    except Exception as fault:  # noqa: BLE001 - told to whoever asked
        return [fault] * len(batch)


def _answer(batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    """Tell everybody, with one call to each loop."""
    told: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Outcome], Outcome]]] = {}
    for one, outcome in zip(batch, outcomes, strict=True):
        told.setdefault(one.loop, []).append((one.answer, outcome))
    for loop, answers in told.items():
        with contextlib.suppress(RuntimeError):  # closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: Sequence[tuple[asyncio.Future[Outcome], Outcome]]) -> None:
    for answer, outcome in answers:
        if not answer.done():  # cancelled, because the client is gone
            answer.set_result(outcome)
