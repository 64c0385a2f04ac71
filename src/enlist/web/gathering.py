"""The hand-over between the event loop and the hot lane.

Requests of hot verbs gather while a thread does those that came before, and are then done together:
the busier the server, the larger the batches, and the less each request costs. A request that comes
alone is not kept waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import Histogram

from enlist.core.caller import Caller
from enlist.verbs.driver import HotVerb
from enlist.verbs.together import Outcome, Together

MOST: Final = 64
"""Requests in a batch: a disk flush is shared by enough then, and nobody waits long."""

_LOOKS: Final = 4
"""How often the loop looks at its sockets between two batches. The answers to one are sent then,
and whoever was answered asks again. Else the loop would do this while the thread does the next
batch, which would be half as large, and each would keep the other waiting for Python's lock."""

BATCH: Final = Histogram(
    "enlist_batch_requests",
    "Requests that were done together: the busier the server, the more.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)


Then = Callable[[Outcome], None]
"""Is told what came of a request, in the thread of its event loop; must not raise."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    verb: HotVerb[Any, Any, Any, Any]
    caller: Caller
    then: Then


class Gathering:
    """Gathers requests of one kind of verb for one thread.

    With a second thread the batches would be half as large, and so each request dearer: it is
    Python that is the limit, not the waiting for the database.
    """

    def __init__(self, together: Together) -> None:
        self._batches: _Batches = queue.SimpleQueue()
        self._lanes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Lane]
        self._lanes = weakref.WeakKeyDictionary()
        given = (self._batches, together)
        threading.Thread(target=_work, args=given, name="hot", daemon=True).start()
        # It ends with this object, which is why it does not hold it.
        weakref.finalize(self, self._batches.put, None)

    async def perform(self, verb: HotVerb[Any, Any, Any, Any], caller: Caller) -> Outcome:
        """Do it, perhaps together with others."""
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def then(outcome: Outcome) -> None:
            if not answer.done():  # cancelled, because the client is gone
                answer.set_result(outcome)

        self.begin(verb, caller, then)
        return await answer

    def begin(self, verb: HotVerb[Any, Any, Any, Any], caller: Caller, then: Then) -> None:
        """The same for whoever is called back."""
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(loop)
        if lane is None:
            lane = self._lanes[loop] = _Lane(self._batches)
        lane.add(_Waiting(verb, caller, then), loop)


class _Lane:
    """What waits in one event loop, in whose thread alone this is touched."""

    def __init__(self, batches: _Batches) -> None:
        self._batches = batches
        self._waiting: list[_Waiting] = []
        self._busy = False

    def add(self, one: _Waiting, loop: asyncio.AbstractEventLoop) -> None:
        """Let it wait for the next batch, which begins at once where none is being done."""
        self._waiting.append(one)
        if not self._busy:
            self._busy = True
            loop.call_soon(self._hand_over, loop, 0)

    def settle(
        self,
        batch: Sequence[_Waiting],
        outcomes: Sequence[Outcome],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Tell everybody of a batch, then see to the next one."""
        loop.call_soon(self._hand_over, loop, _LOOKS - 1)
        for one, outcome in zip(batch, outcomes, strict=True):
            try:
                one.then(outcome)
            except Exception as error:  # noqa: BLE001 - a log on a full disk harms nobody else
                loop.call_exception_handler({"message": "not told", "exception": error})

    def _hand_over(self, loop: asyncio.AbstractEventLoop, looks: int) -> None:
        if looks:
            loop.call_soon(self._hand_over, loop, looks - 1)
            return
        batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        self._busy = bool(batch)
        if batch:
            self._batches.put((self, batch, loop))


_Batches = queue.SimpleQueue[tuple[_Lane, list[_Waiting], asyncio.AbstractEventLoop] | None]


def _work(batches: _Batches, together: Together) -> None:
    while (given := batches.get()) is not None:
        lane, batch, loop = given
        BATCH.observe(len(batch))
        outcomes = _outcomes(together, batch)
        with contextlib.suppress(RuntimeError):  # closed: nobody waits there any more
            loop.call_soon_threadsafe(lane.settle, batch, outcomes, loop)
        del given, lane, batch, loop  # else the last of a closed loop would be kept until the next


def _outcomes(together: Together, batch: Sequence[_Waiting]) -> Sequence[Outcome]:
    """What came of a batch. The thread must outlive whatever happens: everybody waits for it."""
    try:
        return together.perform([(one.verb, one.caller) for one in batch])
    except BaseException as fault:  # noqa: BLE001 - told to whoever asked; a library may panic
        told = fault if isinstance(fault, Exception) else RuntimeError(type(fault).__name__)
        return [told] * len(batch)
