"""The hot lane of PostgreSQL when something goes wrong: none of it reaches whoever comes next."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

import pytest

from enlist.settings import Settings
from enlist.store.postgres import PostgresStore
from enlist.store.tx import (
    Asked,
    Chain,
    ConcurrentChange,
    Query,
    Reader,
    Row,
    SetQuery,
    Statement,
    StoreUnavailable,
    Tx,
    UniqueViolation,
    Unstorable,
)
from tests.installation import SettableClock
from tests.store.keyed import EVERYTHING, FULL, ID, TAKE, asked
from tests.store.raw import Raw

FORGET = Statement("test.forget", "DISCARD ALL")
TAKEN = Query("test.taken", "SELECT source, refused FROM throttle ORDER BY source")
FAILS = SetQuery("test.fails", "small integer", "SELECT 1 / (small - small) AS never FROM asked")
DIES = SetQuery(
    "test.dies", "small integer", "SELECT pg_terminate_backend(pg_backend_pid()) FROM asked"
)
TAKE_EACH = SetQuery(
    "test.take_each",
    "id text",
    "INSERT INTO throttle (source, window_ends_at, refused) SELECT id, 1, 1 FROM asked "
    "RETURNING source AS id",
)
COUNT_EACH = SetQuery(
    "test.count_each",
    "enrollment_id text",
    "INSERT INTO throttle (source, window_ends_at, refused) "
    "SELECT enrollment_id || ' counted', 1, 1 FROM asked RETURNING source",
)
TAKE_CHAIN = Chain("test.take_chain", TAKE_EACH, COUNT_EACH)


@pytest.fixture
def store_kind() -> str:
    return "postgres"


@pytest.fixture
def store(settings: Settings) -> Iterator[PostgresStore]:
    with closing(PostgresStore(settings.database, SettableClock(), size=1)) as opened:
        yield opened


def taken(store: PostgresStore, *, by_keys: bool = True) -> list[str]:
    rows: list[Row] = store.read(lambda tx: tx.all(TAKEN), by_keys=by_keys)
    return [row["source"] for row in rows]


def claim(store: PostgresStore, apply: Callable[[Tx], Any]) -> Any:
    return store.claim(lambda tx, _: [apply(tx)], [None])[0]


def take(source: str) -> Callable[[Tx], int]:
    return lambda tx: tx.run(TAKE, source=source)


# --- what the server no longer knows -------------------------------------------------------------


def test_what_the_server_forgot_is_prepared_anew(store: PostgresStore) -> None:
    """An administrator's or a pooler's DISCARD ALL; that a claim fell into it shows nowhere."""
    assert asked(store, [FULL]) == [FULL]
    assert claim(store, take("a")) == 1
    store.read(lambda tx: tx.all(FORGET), by_keys=True)
    assert claim(store, take("b")) == 1
    store.read(lambda tx: tx.all(FORGET), by_keys=True)
    assert asked(store, [FULL]) == [FULL]
    assert taken(store) == ["a", "b"]


@pytest.mark.parametrize("by_keys", [True, False], ids=["by keys", "ordinary"])
def test_a_migration_beside_a_running_server_stops_no_statement(
    store: PostgresStore, raw: Raw, by_keys: bool
) -> None:
    """Upgrades roll: what was prepared for the columns of before does not stay for good."""
    for _ in range(7):  # an ordinary connection prepares what it is asked often
        assert taken(store, by_keys=by_keys) == []
    raw.execute("ALTER TABLE throttle ALTER COLUMN refused TYPE bigint")
    assert taken(store, by_keys=by_keys) == []


# --- in the middle of something ------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("what", "fault"),
    [(FAILS, ConcurrentChange), (DIES, StoreUnavailable)],
    ids=["fails", "takes the server away"],
)
def test_what_goes_wrong_in_a_pipeline_goes_no_further(
    store: PostgresStore, what: SetQuery, fault: type[Exception], place: int
) -> None:
    questions: list[Asked] = [(EVERYTHING, [FULL], {}), (EVERYTHING, [FULL], {})]
    questions.insert(place, (what, [{"small": 1}], {}))

    def several(tx: Reader) -> list[list[Row]]:
        return tx.each_of(questions)

    def taking(tx: Tx) -> list[list[Row]]:
        tx.run(TAKE, source="a")
        return tx.each_of(questions)

    with pytest.raises(fault):
        store.read(several, by_keys=True)
    assert asked(store, [FULL]) == [FULL]
    with pytest.raises(fault):
        claim(store, taking)
    assert taken(store) == []


def test_a_claim_that_waits_for_a_locked_row_leaves_nothing_behind(
    store: PostgresStore, settings: Settings
) -> None:
    """Alone it waits longer, then whoever asked is told to try again; the next is served."""
    import psycopg

    with psycopg.connect(settings.database) as holder:
        holder.execute("INSERT INTO throttle (source, window_ends_at, refused) VALUES ('b', 1, 1)")
        both = [[{"id": "a"}, {"id": "b"}], []]
        with pytest.raises(ConcurrentChange):  # beside others: each comes again alone
            store.claim(lambda tx, _: [tx.chain(TAKE_CHAIN, both, only=True)] * 2, [None] * 2)
        assert claim(store, take("c")) == 1
        holder.rollback()
    assert taken(store) == ["c"]


def test_what_failed_is_never_committed_as_if_it_had_not(store: PostgresStore) -> None:
    """The server answers COMMIT with ROLLBACK, and nothing else tells that nothing was written."""

    def careless(tx: Tx) -> None:
        tx.run(TAKE, source="a")
        with suppress(UniqueViolation):
            tx.run(TAKE, source="a")

    with pytest.raises(RuntimeError, match="nothing was written"):
        claim(store, careless)
    assert claim(store, take("a")) == 1


# --- a chain that is all of its transaction ------------------------------------------------------

STEPS: Sequence[Sequence[dict[str, object]]] = [[{"id": "a"}], [{"enrollment_id": "a"}]]


@pytest.mark.parametrize(
    "more",
    [
        lambda tx: tx.run(TAKE, source="b"),
        lambda tx: tx.all(TAKEN),
        lambda tx: tx.each(TAKE_EACH, [{"id": "b"}]),
        lambda tx: tx.each_of([(TAKE_EACH, [{"id": "b"}], {})] * 2),
        lambda tx: tx.chain(TAKE_CHAIN, STEPS, only=True),
        lambda tx: tx.chain(TAKE_CHAIN, STEPS),
    ],
    ids=["run", "all", "each", "each_of", "chain alone", "chain"],
)
def test_nothing_follows_a_chain_that_was_to_be_all(
    store: PostgresStore, more: Callable[[Tx], object]
) -> None:
    """It would be in no transaction with what it follows from, and left out where that counts."""

    def claiming(tx: Tx) -> None:
        assert [row["id"] for row in tx.chain(TAKE_CHAIN, STEPS, only=True)] == ["a"]
        more(tx)

    with pytest.raises(RuntimeError, match="all of its transaction"):
        claim(store, claiming)
    assert taken(store) == ["a", "a counted"], "what follows was not done"


def test_whoever_follows_a_chain_says_so_first(store: PostgresStore) -> None:
    def claiming(tx: Tx) -> int:
        tx.chain(TAKE_CHAIN, STEPS)
        return tx.run(TAKE, source="b")

    assert claim(store, claiming) == 1
    assert taken(store) == ["a", "a counted", "b"]


# --- values, and what is kept --------------------------------------------------------------------


def test_an_id_of_another_length_is_not_read_as_part_of_its_neighbour(
    store: PostgresStore,
) -> None:
    """An element of an array is found by the length of those before it."""
    hidden = "00" * 12 + "00000010" + ID.replace("-", "")
    with pytest.raises(Unstorable):
        asked(store, [FULL | {"id": ""}, FULL | {"id": hidden}])


def test_text_is_what_it_was_whatever_the_connection_is_told_to_speak(settings: Settings) -> None:
    url = f"{settings.database}{'&' if '?' in settings.database else '?'}client_encoding=latin1"
    with closing(PostgresStore(url, SettableClock(), size=1)) as store:
        assert asked(store, [FULL]) == [FULL]
        assert claim(store, take("Zoë ☃")) == 1
        assert taken(store, by_keys=False) == ["Zoë ☃"]


def test_a_connection_that_is_gone_is_forgotten(
    store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Connections are made anew every hour, and whenever the server restarts."""
    seen: list[weakref.ref[object]] = []
    caplog.set_level("ERROR", "psycopg.pool")  # what it logs of a connection keeps it here

    def look(tx: Reader) -> None:
        seen.append(weakref.ref(tx._connection))  # type: ignore[attr-defined]  # a KeyedTx
        tx.each(DIES, [{"small": 1}])

    with pytest.raises(StoreUnavailable):
        store.read(look, by_keys=True)
    assert asked(store, [FULL]) == [FULL]
    gc.collect()
    assert [each() for each in seen] == [None]


@pytest.mark.parametrize("by_keys", [True, False], ids=["by keys", "ordinary"])
def test_a_server_that_is_gone_without_a_word_is_noticed(
    store: PostgresStore, by_keys: bool
) -> None:
    """Whoever asks is told within half a minute, not when the system gives up."""

    def given(tx: Reader) -> dict[bytes, bytes | None]:
        told = tx._connection.pgconn.info  # type: ignore[attr-defined]  # of either kind
        return {each.keyword: each.val for each in told}

    found = store.read(given, by_keys=by_keys)
    assert 0 < int(found[b"tcp_user_timeout"] or 0) <= 30_000
    idle, every, times = (
        int(found[name] or 0)
        for name in (b"keepalives_idle", b"keepalives_interval", b"keepalives_count")
    )
    assert 0 < idle + every * times <= 30
