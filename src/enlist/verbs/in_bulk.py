"""A request of many rows, portion by portion, answered in order while it goes on.

Two threads take portions in turn: while the database writes what one has prepared, the other
prepares the next. No more than a few portions of a request are in memory, and each is committed by
itself: what was answered is done, whatever happens to the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, Final

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.verbs.driver import HotVerb
from enlist.verbs.together import Outcome, Together

PORTION: Final = 250
"""Rows of a transaction: enough to share its costs, few enough that others hardly wait."""

_THREADS: Final = 2

AnyHotVerb = HotVerb[Any, Any, Any, Any]


class InBulk:
    """Runs many verbs of one kind for one caller; one for each process, as its threads stay."""

    def __init__(self, together: Together) -> None:
        self._together = together
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bulk")

    def perform(
        self, verbs: Iterable[AnyHotVerb], who: Callable[[], Caller | Refusal]
    ) -> Iterator[list[Outcome]]:
        """What came of each, in order, a portion at a time.

        Args:
            who: for whom it is done, asked anew before each portion; what refuses one refuses all
                that follow.
        """
        coming = iter(verbs)
        under_way: deque[Future[list[Outcome]]] = deque()
        caller: Caller | Refusal | None = None
        while portion := list(islice(coming, PORTION)):
            caller = caller if isinstance(caller, Refusal) else who()
            under_way.append(self._begin(portion, caller))
            if len(under_way) > _THREADS:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def _begin(
        self, portion: Sequence[AnyHotVerb], caller: Caller | Refusal
    ) -> Future[list[Outcome]]:
        if not isinstance(caller, Refusal):
            asked = [(verb, caller) for verb in portion]
            return self._threads.submit(self._together.perform, asked)
        refused: Future[list[Outcome]] = Future()
        refused.set_result([caller for _ in portion])
        return refused

    def close(self) -> None:
        """Finish what is under way."""
        self._threads.shutdown()
