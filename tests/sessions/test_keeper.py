"""Keeping sessions: which of them end, and that nobody is waited for (X21, S55)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from enlist.core.caller import Caller
from enlist.core.outcomes import Done
from enlist.core.sessions import Ending, ProvedBy
from enlist.sessions import keeper as keeping
from enlist.sessions.keeper import Keeper, Rhythm
from enlist.sessions.open_sessions import OpenSession
from enlist.sessions.socket import (
    MOST_BETWEEN_PINGS,
    MOST_UNSENT,
    DeviceSocket,
    Owner,
)
from enlist.store import credentials
from enlist.store.announcing import Of, Whose
from enlist.store.wakeups import Heard
from enlist.verbs.device_sessions import Heartbeat
from enlist.verbs.device_sessions import OpenSession as Open
from enlist.verbs.driver import AnyVerb
from tests.connections import Enrolled, enrolled
from tests.installation import Enlist, done
from tests.peers.base import DEADLINE


class Line:
    """The connection of a session, as the keeper uses it; `answers` gives it to a live device."""

    def __init__(self) -> None:
        self.ended: Ending | None = None
        self.answers: Owner | None = None
        self.pings = self.cuts = 0

    def ping(self) -> None:
        self.pings += 1
        if self.answers is not None:
            self.answers.heard()

    def close(self, ending: Ending) -> None:
        self.ended = ending

    def cut(self) -> None:
        self.cuts += 1


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def run(work: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: a browser of an earlier test keeps a loop running in this one."""

    def running() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(running).result()


@pytest.fixture
def forbearing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is taken for gone: a busy machine lets more than two short heartbeats pass."""
    monkeypatch.setattr(keeping, "_MISSED", 1e6)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def opened(keeper: Keeper, enlist: Enlist, device: Enrolled) -> tuple[OpenSession, Line]:
    session, line = await keeper.admit(device.device_id), Line()
    await begun(keeper, enlist, device, session, line)
    return session, line


async def begun(
    keeper: Keeper, enlist: Enlist, device: Enrolled, session: OpenSession, line: Line
) -> None:
    verb = Open(
        session.id, keeper.process_id, device.device_id, device.serial, ProvedBy.CERTIFICATE, 9
    )
    outcome = await asyncio.to_thread(enlist.perform, verb, device.caller)
    assert isinstance(outcome, Done)
    keeper.begin(session, outcome.value, line)


def test_sessions_are_found_by_whatever_may_end_them(enlist: Enlist) -> None:
    enlist.organization("north")
    ada = enrolled(enlist, "ada", 1)
    grace = enrolled(enlist, "grace", 2)

    async def work() -> None:
        keeper = Keeper(enlist.driver, Rhythm())
        first, line = await opened(keeper, enlist, ada)
        second, _ = await opened(keeper, enlist, ada)
        third, other = await opened(keeper, enlist, grace)
        found = keeper.sessions
        user = enlist.device(ada.device_id).user_id
        assert user is not None
        assert found.of_device(ada.device_id) == [first, second]
        assert found.of(Whose(Of.USER, user)) == [first, second]
        assert found.of(Whose(Of.ORGANIZATION, enlist.root.path)) == [first, second, third]
        assert found.of(Whose(Of.ORGANIZATION, f"{enlist.root.path}north/")) == []
        assert keeper.close(found.of_device(ada.device_id), Ending.DISCONNECTED) == 2
        assert (line.ended, other.ended) == (Ending.DISCONNECTED, None)
        assert found.all() == [third]
        await until(lambda: line.cuts == 1)  # whoever has not read it by then
        keeper.stop()

    run(work())


def test_what_is_told_is_asked_of_the_store(enlist: Enlist) -> None:
    """A wake-up that comes too late, or for nothing, ends no session."""
    device = enrolled(enlist)

    async def work() -> None:
        keeper = Keeper(enlist.driver, Rhythm(heartbeat=3600))
        _, line = await opened(keeper, enlist, device)
        told = Heard(frozenset({Whose(Of.DEVICE, device.device_id)}))
        for _ in range(5):
            keeper.hear(told)
            await asyncio.sleep(0.01)
        assert line.ended is None
        enlist.store.write(lambda tx: credentials.revoke_of_device(tx, device.device_id, "lost"))
        assert line.ended is None
        keeper.hear(told)
        await until(lambda: line.ended is Ending.CREDENTIAL_REVOKED)
        await until(lambda: bool(enlist.events("session.dropped")))
        keeper.stop()

    run(work())


def test_what_is_told_of_a_session_that_is_being_opened_is_not_lost(enlist: Enlist) -> None:
    """A reset between asking the store and holding the session."""
    device = enrolled(enlist)

    async def work() -> None:
        keeper = Keeper(enlist.driver, Rhythm(heartbeat=3600))
        session, line = await keeper.admit(device.device_id), Line()
        verb = Open(
            session.id, keeper.process_id, device.device_id, device.serial, ProvedBy.CHALLENGE, 9
        )
        known = done(await asyncio.to_thread(enlist.perform, verb, device.caller))
        enlist.store.write(lambda tx: credentials.end_proofs(tx, device.device_id))
        keeper.hear(Heard(everybody=True))
        await until(lambda: session.doubted)
        assert line.ended is None
        keeper.begin(session, known, line)
        await until(lambda: line.ended is Ending.DISCONNECTED)
        keeper.stop()

    run(work())


@pytest.mark.usefixtures("forbearing")
def test_a_process_that_cannot_ask_ends_what_it_holds(enlist: Enlist) -> None:
    """Others count its sessions as over by then, and nobody could tell it of a reset."""
    device = enrolled(enlist)

    async def work() -> None:
        keeper = Keeper(enlist.driver, Rhythm(heartbeat=0.05, lease=0.2))
        session, line = await opened(keeper, enlist, device)
        line.answers = keeper.owner(session)
        await until(lambda: line.pings > 0)
        enlist.store.close()
        await until(lambda: line.ended is Ending.UNCHECKED)
        keeper.stop()

    run(work())


def silent_at_heartbeats(enlist: Enlist, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """From now on the store answers no heartbeat until this is set."""
    answers = threading.Event()
    perform = enlist.driver.perform

    def silent(verb: AnyVerb[Any, Any, Any], caller: Caller) -> Any:
        if isinstance(verb, Heartbeat) and verb.session_ids:
            answers.wait(DEADLINE)
        return perform(verb, caller)

    monkeypatch.setattr(enlist.driver, "perform", silent)
    return answers


@pytest.mark.parametrize("store_answers", [True, False])
def test_who_answers_is_not_gone(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, *, store_answers: bool
) -> None:
    """However long the store takes, every device is asked, and taken for gone only then."""
    device = enrolled(enlist)
    answers = silent_at_heartbeats(enlist, monkeypatch)
    if store_answers:
        answers.set()

    async def work() -> None:
        keeper = Keeper(enlist.driver, Rhythm(heartbeat=0.05))
        session, line = await opened(keeper, enlist, device)
        _, gone = await opened(keeper, enlist, device)
        line.answers = keeper.owner(session)
        await until(lambda: line.pings > 4)
        answers.set()
        await until(lambda: gone.ended is Ending.IDLE)
        assert gone.pings >= 2
        assert line.ended is None
        keeper.stop()

    run(work())


@pytest.mark.usefixtures("forbearing")
def test_a_database_that_neither_answers_nor_goes_away(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one behind a broken network, or that was stopped in its tracks; or a fault of ours."""
    device = enrolled(enlist)
    answers = silent_at_heartbeats(enlist, monkeypatch)

    async def work() -> None:
        keeper = Keeper(enlist.driver, Rhythm(heartbeat=0.05, lease=0.3))
        _, line = await opened(keeper, enlist, device)
        being_opened = await keeper.admit(device.device_id)
        await until(lambda: line.ended is Ending.UNCHECKED)
        late = Line()
        await begun(keeper, enlist, device, being_opened, late)
        await until(lambda: late.ended is Ending.UNCHECKED)
        answers.set()
        keeper.stop()

    run(work())


@pytest.mark.usefixtures("forbearing")
def test_a_heartbeat_ends_what_must_not_go_on(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, other = enrolled(enlist, "ada", 1), enrolled(enlist, "grace", 2)

    async def work() -> None:
        keeper = Keeper(enlist.driver, Rhythm(heartbeat=0.05))
        _, line = await opened(keeper, enlist, device)
        spared, goes_on = await opened(keeper, enlist, other)
        goes_on.answers = keeper.owner(spared)
        enlist.store.write(lambda tx: credentials.revoke_of_device(tx, device.device_id, "lost"))
        await until(lambda: line.ended is Ending.CREDENTIAL_REVOKED)
        assert goes_on.ended is None
        goes_on.answers = None
        monkeypatch.setattr(keeping, "_MISSED", 2)
        await until(lambda: goes_on.ended is Ending.IDLE)
        keeper.stop()

    run(work())


class Went:
    """Who is told what happens on a socket."""

    def __init__(self) -> None:
        self.ending: Ending | None = None

    def heard(self) -> None:
        """Nobody waits for it here."""

    def went(self, ending: Ending) -> None:
        self.ending = ending


@asynccontextmanager
async def on_the_line(owner: Went, among: set[Any]) -> AsyncIterator[DeviceSocket]:
    """A session's socket with a device at its other end, which says and reads nothing."""
    lines: list[DeviceSocket] = []

    class Begins(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            lines.append(DeviceSocket(transport, owner, among))
            transport.set_protocol(lines[0])

    server = await asyncio.get_running_loop().create_server(Begins, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address, limit=1)
    await until(lambda: bool(lines))
    yield lines[0]
    writer.close()
    server.close()
    del reader


def test_a_device_that_does_not_read_is_cut_off() -> None:
    """And takes no memory for what it does not read."""

    async def work() -> None:
        owner, among = Went(), set[Any]()
        async with on_the_line(owner, among) as line, asyncio.timeout(DEADLINE):
            while owner.ending is None:
                line.say({"text": "x" * MOST_UNSENT})
                await asyncio.sleep(0)
            assert owner.ending is Ending.TOO_SLOW
            line.cut()
            await until(lambda: not among)

    run(work())


def test_a_device_that_floods_is_not_listened_to() -> None:
    """Each message may be short: what counts is how much there is from one ping to the next."""
    chat = Connection(ConnectionType.CLIENT).send(TextMessage("so it goes " * 50))
    most = MOST_BETWEEN_PINGS // len(chat)

    async def work() -> None:
        owner = Went()
        async with on_the_line(owner, set()) as line:
            for _ in range(3):
                line.ping()
                for _ in range(most):
                    line.data_received(chat)
            assert owner.ending is None
            line.data_received(chat)
            assert owner.ending is Ending.MALFORMED

    run(work())
