"""Transactions: who fails harms nobody else, and who says no says it by a name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from enlist.settings import Settings
from enlist.store.postgres import PostgresStore
from enlist.store.sqlite import SqliteStore
from enlist.store.tx import (
    ConcurrentChange,
    Query,
    Reader,
    SetQuery,
    StoreUnavailable,
    Tx,
    UniqueViolation,
)
from tests.installation import Enlist, SettableClock
from tests.peers.base import DEADLINE, wait_until

PUT = Query(
    "test.put",
    "INSERT INTO throttle (source, window_ends_at, refused) VALUES (:source, 1, 1)",
)
ADD = Query("test.add", "UPDATE throttle SET refused = refused + 1 WHERE source = :source")
ALL = Query("test.all", "SELECT source FROM throttle")
NONSENSE = Query("test.nonsense", "SELECT missing FROM throttle WHERE source = 'x'")


ON_SQLITE = pytest.mark.parametrize("store_kind", ["sqlite"], indirect=True)


class Fault(Exception):
    pass


def sources(enlist: Enlist) -> set[str]:
    return {row["source"] for row in enlist.rows("throttle")}


def put(source: str, then: type[Exception] | None = None) -> Callable[[Tx], str]:
    def run(tx: Tx) -> str:
        assert tx.run(PUT, source=source) == 1
        if then is not None:
            raise then
        return source

    return run


@pytest.mark.parametrize("fault", [Fault, ConcurrentChange])
def test_a_function_that_fails_leaves_nothing(enlist: Enlist, fault: type[Exception]) -> None:
    """ASVS 2.3.3."""
    with pytest.raises(fault):
        enlist.store.write(put("a", fault))
    assert sources(enlist) == set()
    assert enlist.store.write(put("a")) == "a"


def test_a_unique_index_says_which_it_is(enlist: Enlist) -> None:
    """House rule 3: the same exception on both stores, so that a verb can answer it."""
    enlist.store.write(put("a"))
    with pytest.raises(UniqueViolation) as caught:
        enlist.store.write(put("a"))
    assert "throttle" in caught.value.index
    with pytest.raises(UniqueViolation) as caught:
        enlist.store.write(lambda tx: [tx.run(PUT, source="b"), tx.run(PUT, source="a")])
    assert sources(enlist) == {"a"}


def test_reading_cannot_write(enlist: Enlist) -> None:
    """`look` gets a connection that has no right to."""
    with pytest.raises(
        (StoreUnavailable, psycopg.errors.ReadOnlySqlTransaction), match=r"read.?only"
    ):
        enlist.store.read(lambda tx: tx.run(PUT, source="a"))  # type: ignore[attr-defined]
    assert sources(enlist) == set()


def test_reading_sees_one_moment(enlist: Enlist) -> None:
    """Else what two statements of one `look` find may contradict each other."""

    def twice(tx: Reader) -> tuple[int, int]:
        before = len(tx.all(ALL))
        enlist.store.write(put("a"))
        return before, len(tx.all(ALL))

    assert enlist.store.read(twice) == (0, 0)
    assert sources(enlist) == {"a"}


def test_hundreds_of_writers_are_all_answered(enlist: Enlist) -> None:
    """Those that fail fail alone, in whatever batch they were."""
    faults: list[type[Exception] | None] = [None, Fault, None, ConcurrentChange]
    with ThreadPoolExecutor(16) as pool:
        waiting = [
            pool.submit(enlist.store.write, put(f"s{number}", faults[number % 4]))
            for number in range(200)
        ]
        answers = [future.exception() or future.result() for future in waiting]
    assert [isinstance(answer, str) for answer in answers] == [True, False] * 100
    assert sources(enlist) == {f"s{number}" for number in range(0, 200, 2)}


def test_counting_together_loses_nothing(enlist: Enlist) -> None:
    enlist.store.write(put("a"))
    enlist.together([partial(enlist.store.write, lambda tx: tx.run(ADD, source="a"))] * 32)
    assert enlist.rows("throttle")[0]["refused"] == 33


# --- the writer of SQLite ---------------------------------------------------------------------


@pytest.fixture
def sqlite(enlist: Enlist) -> SqliteStore:
    assert isinstance(enlist.store, SqliteStore)
    return enlist.store


class Batch:
    """Holds the writer while jobs queue up, so that they share one transaction."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(32)
        self._held, self._free = threading.Event(), threading.Event()

    def run(self, *jobs: Callable[[Tx], object]) -> list[object]:
        """What each job came to, an exception for those that failed."""
        holding = self._pool.submit(self._store.write, self._hold)
        assert self._held.wait(DEADLINE)
        futures = []
        for job in jobs:
            futures.append(self._pool.submit(self._store.write, job))
            wait_until(lambda: self._store._jobs.qsize() >= len(futures), "the job")
        self._free.set()
        holding.result(DEADLINE)
        answers = [future.exception(DEADLINE) or future.result(DEADLINE) for future in futures]
        self._pool.shutdown()
        return answers

    def _hold(self, _tx: Tx) -> None:
        self._held.set()
        assert self._free.wait(DEADLINE)


@ON_SQLITE
def test_one_commit_serves_all_that_wait(enlist: Enlist, sqlite: SqliteStore) -> None:
    """S22: in one transaction, in order; who fails is told so and the others are not harmed."""
    begun: list[str] = []

    def note(statement: str) -> None:
        if statement.startswith(("BEGIN", "COMMIT")):
            begun.append(statement)

    sqlite._connection.set_trace_callback(note)
    answers = Batch(sqlite).run(
        put("a"),
        put("b", Fault),
        put("a"),
        lambda tx: tx.all(NONSENSE),
        put("c"),
        lambda tx: tx.run(ADD, source="a"),
    )
    assert begun == ["BEGIN IMMEDIATE", "COMMIT"] * 2
    assert [type(answer) for answer in answers] == [
        str,
        Fault,
        UniqueViolation,
        StoreUnavailable,
        str,
        int,
    ]
    assert sources(enlist) == {"a", "c"}
    assert enlist.rows("throttle", source="a")[0]["refused"] == 2


@ON_SQLITE
def test_what_could_not_be_committed_is_told_to_everybody(
    enlist: Enlist, sqlite: SqliteStore
) -> None:
    """S16: nobody is told yes before the commit; a job that ends the transaction fails them all."""

    def end_it(tx: Tx) -> None:
        sqlite._connection.execute("ROLLBACK")

    answers = Batch(sqlite).run(put("a"), end_it, put("b"))
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
    assert sources(enlist) == set()
    assert enlist.store.write(put("c")) == "c"


def test_a_closed_store_says_so(enlist: Enlist, clock: SettableClock) -> None:
    """Whoever comes late is told; nobody waits for ever."""
    other = enlist.again()
    other.store.close()
    with pytest.raises(StoreUnavailable):
        other.store.write(put("a"))
    with pytest.raises(StoreUnavailable):
        other.store.read(lambda tx: tx.all(ALL))
    other.store.close()


@ON_SQLITE
def test_everybody_is_answered_while_the_store_closes(enlist: Enlist, sqlite: SqliteStore) -> None:
    """What was handed in is committed or refused, whenever the store closed in between."""
    for _ in range(10):
        other = enlist.again()
        with ThreadPoolExecutor(8) as pool:
            writing = [
                pool.submit(other.store.write, lambda tx: tx.run(ADD, source="x")) for _ in range(8)
            ]
            other.store.close()
            for future in writing:
                assert isinstance(future.exception(DEADLINE), StoreUnavailable | None)


@pytest.mark.parametrize("store_kind", ["postgres"], indirect=True)
@pytest.mark.parametrize("option", ["default_transaction_read_only=on", "role=pg_monitor"])
def test_a_database_that_may_not_be_written_is_unavailable(settings: Settings, option: str) -> None:
    """S75: a standby, or a role without rights, is for whoever runs the server to mend."""
    url = make_conninfo(settings.database, options=f"-c {option}")
    with closing(PostgresStore(url, SettableClock())) as store, pytest.raises(StoreUnavailable):
        store.write(put("a"))


EACH = SetQuery(
    "test.each",
    "source text",
    "SELECT t.source FROM asked JOIN throttle t ON t.source = asked.source",
)
PLANNED = Query(
    "test.planned",
    "",
    postgres="""
    SELECT sum(generic_plans) AS once, sum(custom_plans) AS anew FROM pg_prepared_statements
     WHERE statement LIKE '%asked.source%' AND statement NOT LIKE '%pg_prepared%'
    """,
)


@pytest.mark.parametrize("store_kind", ["postgres"], indirect=True)
@pytest.mark.parametrize("lane", ["by keys", "claims", "ordinary"])
def test_what_is_done_with_every_request_is_planned_once(settings: Settings, lane: str) -> None:
    """The server would plan batches anew, at least at first; what lists ask, it should."""

    def ask(tx: Reader) -> tuple[int, int]:
        for _ in range(20):
            tx.each(EACH, [{"source": f"s{place}"} for place in range(3)])
        row = tx.one(PLANNED)
        assert row is not None
        return int(row["once"]), int(row["anew"])

    with closing(PostgresStore(settings.database, SettableClock(), size=1)) as store:
        if lane == "claims":
            once, anew = store.claim(lambda tx, _: ask(tx), [None])
        else:
            once, anew = store.read(ask, by_keys=lane == "by keys")
    assert once + anew == (15 if lane == "ordinary" else 20)  # the hot lane prepares at once
    assert anew == 0 if lane != "ordinary" else anew >= 5  # of which the server makes at least five


SCANS = Query("test.scans", "", postgres="SELECT current_setting('enable_seqscan') AS whole_tables")


@pytest.mark.parametrize("store_kind", ["postgres"], indirect=True)
def test_only_what_is_done_with_every_request_may_not_read_a_whole_table(
    settings: Settings,
) -> None:
    """P04: where the log grew since it was counted; lists come next on the same connection."""

    def ask(tx: Reader) -> str:
        row = tx.one(SCANS)
        assert row is not None
        return str(row["whole_tables"])

    with closing(PostgresStore(settings.database, SettableClock(), size=1)) as store:
        assert store.read(ask, by_keys=True) == "off"
        assert store.claim(lambda tx, _: [ask(tx)], [None]) == ["off"]
        with pytest.raises(Fault):
            store.claim(lambda tx, _: [put("a", Fault)(tx)], [None])
        assert store.read(ask) == store.write(ask) == "on"
