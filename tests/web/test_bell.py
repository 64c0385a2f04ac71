"""The bell that wakes answers that go on: nobody who looks before he waits misses it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from enlist.web.bell import Bell
from tests.loops import run
from tests.peers.base import DEADLINE


def with_bell(say: Callable[[Bell], Awaitable[None]]) -> None:
    async def saying() -> None:
        await say(Bell())

    run(saying())


def test_it_wakes_all_who_wait_from_any_thread() -> None:
    async def listen(bell: Bell) -> None:
        waiting = [asyncio.create_task(bell.wait(0, DEADLINE)) for _ in range(3)]
        await asyncio.sleep(0)
        threading.Thread(target=bell.ring).start()
        assert await asyncio.gather(*waiting) == [True] * 3

    with_bell(listen)


def test_who_has_looked_before_it_rang_does_not_wait() -> None:
    async def listen(bell: Bell) -> None:
        before = bell.rung()
        ringing = threading.Thread(target=bell.ring)
        ringing.start()
        ringing.join(DEADLINE)
        await asyncio.sleep(0)
        assert bell.rung() == before + 1
        assert await bell.wait(before, DEADLINE)
        assert not await bell.wait(bell.rung(), 0.001)

    with_bell(listen)


def test_nobody_waits_when_the_server_stops() -> None:
    async def listen(bell: Bell) -> None:
        waiting = asyncio.create_task(bell.wait(0, DEADLINE))
        await asyncio.sleep(0)
        bell.stop()
        assert await waiting
        assert bell.over
        assert await bell.wait(bell.rung(), DEADLINE)

    with_bell(listen)


def test_it_may_ring_where_nobody_listens_any_more() -> None:
    """Another thread tells of something while the server's loop is closed already."""
    kept: list[Bell] = []

    async def listen(bell: Bell) -> None:
        kept.append(bell)
        await bell.wait(bell.rung(), 0.001)

    Bell().ring()
    with_bell(listen)
    kept[0].ring()
