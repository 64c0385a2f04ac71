"""What is written in one turn of the loop leaves in one piece; nothing is lost or kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from enlist.web.connections import DeviceConnection, WebConnection
from enlist.web.corked import MOST, Corked
from tests.loops import run


class Recording(asyncio.Transport):
    """A transport that writes down what it is told to do."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 40_000), "sockname": ("127.0.0.1", 8000)})
        self.done: list[bytes | str] = []
        self.closing = False
        self.protocol: Any = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.done.append(bytes(data))

    def close(self) -> None:
        self.closing = True
        self.done.append("close")

    def is_closing(self) -> bool:
        return self.closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_protocol(self) -> Any:
        return self.protocol

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def turn() -> None:
    """Let the loop come round."""
    await asyncio.sleep(0)


def test_what_is_written_in_one_turn_leaves_in_one_piece() -> None:
    async def scenario() -> list[bytes | str]:
        sent = Recording()
        corked = Corked(sent, asyncio.get_running_loop())
        corked.write(b"head ")
        corked.write(b"body")
        assert sent.done == []
        await turn()
        corked.write(b"next")
        await turn()
        return sent.done

    assert run(scenario()) == [b"head body", b"next"]


def test_whoever_takes_the_transport_over_or_closes_it_finds_nothing_held_back() -> None:
    async def scenario() -> tuple[list[bytes | str], list[bytes | str]]:
        closed, taken = Recording(), Recording()
        loop = asyncio.get_running_loop()
        one, other = Corked(closed, loop), Corked(taken, loop)
        one.write(b"last words")
        one.close()
        other.write(b"switching")
        assert other.bare() is taken
        await turn()
        return closed.done, taken.done

    assert run(scenario()) == ([b"last words", "close"], [b"switching"])


def test_much_is_not_held_back_so_that_a_slow_reader_is_noticed() -> None:
    async def scenario() -> None:
        sent = Recording()
        corked = Corked(sent, asyncio.get_running_loop())
        corked.write(bytes(MOST))
        assert sent.done == []
        corked.write(b"!")
        assert sent.done == [bytes(MOST) + b"!"]
        await turn()
        assert len(sent.done) == 1

    run(scenario())


def test_nothing_is_written_to_what_has_closed_meanwhile() -> None:
    async def scenario() -> list[bytes | str]:
        sent = Recording()
        corked = Corked(sent, asyncio.get_running_loop())
        corked.write(b"too late")
        sent.close()
        await turn()
        return sent.done

    assert run(scenario()) == ["close"]


@pytest.mark.parametrize("kind", [WebConnection, DeviceConnection])
def test_an_answer_is_one_write(kind: type[WebConnection | DeviceConnection]) -> None:
    async def scenario() -> list[bytes | str]:
        config = uvicorn.Config(PlainTextResponse("here you are"), lifespan="off")
        config.load()
        connection, sent = kind(config, ServerState(), {}), Recording()
        sent.protocol = connection
        connection.connection_made(sent)
        connection.data_received(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not sent.done:
            await turn()
        await turn()
        written = list(sent.done)
        connection.connection_lost(None)
        return written

    (answer,) = run(scenario())
    assert isinstance(answer, bytes)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nhere you are")
