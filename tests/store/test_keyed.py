"""The hot lane of PostgreSQL: what is sent in binary comes back as it was; faults have names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from enlist.settings import Settings
from enlist.store.postgres import PostgresStore
from enlist.store.tx import Query, Reader, StoreUnavailable, UniqueViolation, Unstorable
from tests.installation import SettableClock
from tests.store.keyed import EVERYTHING, FULL, ID, TAKE, asked
from tests.store.raw import Raw

SCALARS = Query(
    "test.scalars",
    "",
    postgres="""
    SELECT CAST(:name AS text) AS name, CAST(:data AS bytea) AS data, CAST(:size AS bigint) AS size,
           CAST(:yes AS boolean) AS yes, CAST(:id AS uuid) AS id, '100%' AS share
    """,
)
NOTHING = dict.fromkeys(EVERYTHING.columns)


@pytest.fixture
def store_kind() -> str:
    return "postgres"


@pytest.fixture
def store(settings: Settings) -> Iterator[PostgresStore]:
    with closing(PostgresStore(settings.database, SettableClock(), size=1)) as opened:
        yield opened


@pytest.mark.parametrize(
    "rows",
    [[FULL], [NOTHING], [NOTHING, FULL, NOTHING], [FULL | {"name": "", "data": b""}] * 100, []],
    ids=["full", "nothing", "both", "many", "none"],
)
def test_what_is_sent_in_binary_comes_back_as_it_was(
    store: PostgresStore, rows: list[dict[str, object]]
) -> None:
    assert asked(store, rows) == rows


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a\x00b"},
        {"name": "\ud800"},
        {"size": 2**63},
        {"small": 2**31},
        {"id": "no id"},
        {"id": ID[:-2]},
    ],
    ids=["NUL", "half a pair", "too large", "too large for its column", "no hex", "too short"],
)
def test_what_no_column_holds_is_somebodys_malformed_request(
    store: PostgresStore, wrong: dict[str, object]
) -> None:
    with pytest.raises(Unstorable):
        asked(store, [FULL | wrong])
    assert asked(store, [FULL]) == [FULL]


def test_single_values_are_sent_as_what_they_are(store: PostgresStore) -> None:
    given = {"name": "ü%", "data": b"\x00\xff", "size": 7, "yes": True, "id": ID}

    def one(values: dict[str, object]) -> object:
        return store.read(lambda tx: tx.one(SCALARS, **values), by_keys=True)

    for values in (given, given | {"yes": False}, dict.fromkeys(given)):
        assert one(values) == values | {"share": "100%"}
    with pytest.raises(Unstorable):
        one(given | {"name": "a\x00"})


def test_a_name_that_is_taken_is_told_by_its_index(store: PostgresStore) -> None:
    def take(tx: Reader) -> list[int]:
        return [tx.run(TAKE, source="a"), tx.run(TAKE, source="a")]  # type: ignore[attr-defined]  # a Tx

    with pytest.raises(UniqueViolation) as taken:
        store.claim(lambda tx, _: take(tx), [None])
    assert taken.value.index == "throttle_pkey"
    assert store.claim(lambda tx, _: [tx.run(TAKE, source="a")], [None]) == [1], "nothing was kept"


def test_a_connection_that_is_lost_is_told_and_made_anew(store: PostgresStore, raw: Raw) -> None:
    """S75: whoever asked is told to try again, and whoever comes next is served."""
    assert asked(store, [FULL]) == [FULL]
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%asked%'"
    raw.execute(f"{ended} AND pid <> pg_backend_pid()")
    with pytest.raises(StoreUnavailable):
        asked(store, [FULL])
    assert asked(store, [FULL]) == [FULL]
