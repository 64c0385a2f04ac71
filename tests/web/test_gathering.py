"""The hand-over to the hot lane: everybody is answered, whatever happens to the others."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from enlist.core.caller import SYSTEM
from enlist.core.outcomes import Done
from enlist.verbs.together import Asked, Outcome, Together
from enlist.web.gathering import MOST, Gathering
from tests.loops import run
from tests.peers.base import DEADLINE, wait_until

T = TypeVar("T")


class Doing:
    """In the place of `Together`: does what the test says, and remembers the batches."""

    def __init__(self, do: Callable[[Any], Outcome] = Done) -> None:
        self.do = do
        self.batches: list[int] = []
        self.open = threading.Event()

    def perform(self, asked: Sequence[Asked]) -> list[Outcome]:
        self.open.wait(DEADLINE)
        self.batches.append(len(asked))
        return [self.do(verb) for verb, _ in asked]


def gathering(doing: Doing) -> Gathering:
    return Gathering(cast("Together", doing))


async def ask(lane: Gathering, what: object) -> Outcome:
    return await lane.perform(cast("Any", what), SYSTEM)


def test_what_waits_is_done_together_and_each_gets_his_own_answer() -> None:
    """The first goes at once; what comes meanwhile gathers, in batches that end somewhere."""
    doing = Doing()

    async def many() -> list[Outcome]:
        lane = gathering(doing)
        asking = [asyncio.create_task(ask(lane, number)) for number in range(MOST * 2 + 10)]
        await asyncio.sleep(0)
        doing.open.set()
        return await asyncio.gather(*asking)

    assert run(many()) == [Done(number) for number in range(MOST * 2 + 10)]
    assert sum(doing.batches) == MOST * 2 + 10
    assert max(doing.batches) <= MOST
    assert len(doing.batches) <= 5


def test_whoever_was_answered_and_asks_again_is_in_the_next_batch() -> None:
    """Else there would be twice as many batches, each half as large."""
    doing = Doing()
    doing.open.set()

    async def again_and_again(lane: Gathering, number: int) -> None:
        for _ in range(5):
            time.sleep(0.002)  # noqa: ASYNC251 - the loop is busy, and the thread could go on
            assert await ask(lane, number) == Done(number)

    async def many() -> None:
        lane = gathering(doing)
        await asyncio.gather(*(again_and_again(lane, number) for number in range(8)))

    run(many())
    assert doing.batches == [8] * 5


def test_a_fault_of_the_lane_itself_leaves_nobody_waiting() -> None:
    """And whoever comes next is answered again."""

    def do(what: Any) -> Outcome:
        if what == "bad":
            raise ZeroDivisionError
        return Done(what)

    doing = Doing(do)
    doing.open.set()

    async def both() -> tuple[Outcome, Outcome]:
        lane = gathering(doing)
        return await ask(lane, "bad"), await ask(lane, "good")

    bad, good = run(both())
    assert isinstance(bad, ZeroDivisionError)
    assert good == Done("good")


def test_whoever_went_away_is_forgotten() -> None:
    doing = Doing()

    async def leave() -> Outcome:
        lane = gathering(doing)
        gone = asyncio.create_task(ask(lane, "gone"))
        stays = asyncio.create_task(ask(lane, "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        doing.open.set()
        return await stays

    assert run(leave()) == Done("stays")


def test_each_loop_is_told_in_its_own_thread() -> None:
    doing = Doing()
    lane = gathering(doing)
    found: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda n=number: found.append(asyncio.run(ask(lane, n))))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    doing.open.set()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(each.value for each in found if isinstance(each, Done)) == [0, 1, 2, 3]


def test_its_thread_ends_with_it() -> None:
    """Else each application that a test makes would leave one behind."""
    before = {thread.ident for thread in threading.enumerate()}
    lane = gathering(Doing())
    mine = [thread for thread in threading.enumerate() if thread.ident not in before]
    assert len(mine) == 1
    del lane
    gc.collect()
    wait_until(lambda: not any(thread.is_alive() for thread in mine), "the end of its thread")
