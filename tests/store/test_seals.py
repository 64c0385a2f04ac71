"""Every committed event gets one place in the order, whoever seals and however late it comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest

from enlist.core import merkle
from enlist.core.caller import SYSTEM
from enlist.core.clock import system_clock
from enlist.core.events import Event, Happening, make_events
from enlist.core.ids import NOTHING, new_id
from enlist.settings import Settings
from enlist.store import events, seals
from enlist.store.seals import LogDamaged, StoredSubtrees
from enlist.store.tx import QUERIES, Reader, Tx
from enlist.verbs import sealing
from enlist.verbs.sealing import Sealer
from enlist.verbs.verify_log import verify
from enlist.wiring.installation import Installation, open_installation
from tests.installation import Enlist
from tests.store.plans import scanned
from tests.store.raw import Raw, Refused

SEALED = ("event_seal", "event_subtree", "checkpoint")


def happen(enlist: Enlist | Installation, count: int = 1) -> list[str]:
    """So many events, in one transaction; their ids."""

    def write(tx: Tx) -> list[str]:
        return [events.record(tx, SYSTEM, Happening("message.sent")).id for _ in range(count)]

    return enlist.store.write(write)


def order(enlist: Enlist) -> list[str]:
    rows = sorted(enlist.rows("event_seal"), key=lambda row: row["seq"])
    assert [row["seq"] for row in rows] == list(range(len(rows)))
    return [row["event_id"] for row in rows]


def whole(enlist: Enlist) -> None:
    """Every event has a place, none two, and the tree is that of the order."""
    assert sorted(order(enlist)) == sorted(row["id"] for row in enlist.rows("event"))
    assert verify(enlist.installation.log).findings == []


@pytest.fixture
def many(enlist: Enlist) -> Enlist:
    """More events than two kept subtrees hold."""
    happen(enlist, 600)
    Sealer(enlist.store, batch=250).seal_all()
    return enlist


# --- the order --------------------------------------------------------------------------------


def test_what_happened_is_sealed_once_and_in_order(enlist: Enlist) -> None:
    """S70: by batches, looks and restarts; the order that was given stays."""
    sealer = Sealer(enlist.store, batch=3)
    first = len(enlist.rows("event"))
    assert sealer.seal_all() == first
    assert sealer.look() == sealing.Look(0, more=False)
    before = order(enlist)
    happened = happen(enlist, 7)
    assert [sealer.look().sealed for _ in range(4)] == [3, 3, 1, 0]
    assert order(enlist) == [*before, *happened]
    assert Sealer(enlist.store).seal_all() == 0
    whole(enlist)


def test_several_sealers_agree(enlist: Enlist) -> None:
    """Ruling 34: one at a time, in any number of processes, while things go on happening."""
    sealers = [Sealer(enlist.store, batch=5)]
    sealers += [Sealer(enlist.again().store, batch=5) for _ in range(2)]
    over = threading.Event()

    def seal(sealer: Sealer) -> None:
        while not over.is_set():
            sealer.look()

    def live() -> None:
        try:
            for _ in range(40):
                happen(enlist, 3)
        finally:
            over.set()

    workers: list[Callable[[], None]] = [partial(seal, sealer) for sealer in sealers]
    enlist.together([*workers, live])
    sealers[0].seal_all()
    whole(enlist)


def test_who_comes_second_changes_nothing(enlist: Enlist) -> None:
    """Else two processes would give one number to two events."""
    happen(enlist, 2)
    found = enlist.store.read(lambda tx: seals.recent(tx, NOTHING, 100))
    placed = [(event.id, merkle.leaf_hash(event.entry.encode())) for event in found]
    assert enlist.store.write(lambda tx: seals.append(tx, 0, placed, ()))
    before = order(enlist)
    late = [(new_id(enlist.clock.now), merkle.leaf_hash(b"late"))]
    assert not enlist.store.write(lambda tx: seals.append(tx, 0, late, ()))
    assert not enlist.store.write(lambda tx: seals.append(tx, len(before) + 1, late, ()))
    assert order(enlist) == before


def test_an_event_dated_long_ago_is_sealed_all_the_same(enlist: Enlist, raw: Raw) -> None:
    """Ruling 34: written by a machine whose clock is wrong. Its place is where it was found."""
    sealer = Sealer(enlist.store)
    sealer.seal_all()
    before = order(enlist)
    enlist.clock.advance(hours=-5)
    (late,) = happen(enlist)
    enlist.clock.advance(hours=5)
    assert late < min(before)
    for _ in range(sealing._WIDE_EVERY):
        sealer.look()
    assert order(enlist) == [*before, late]


@pytest.fixture
def real_time(settings: Settings) -> Iterator[Installation]:
    """An installation on the machine's own clock, as the database has it."""
    installation = open_installation(settings, clock=system_clock)
    yield installation
    installation.close()


with_many_writers = pytest.mark.parametrize(
    "store_kind", [pytest.param("postgres", marks=pytest.mark.peer("postgres"))], indirect=True
)
"""On SQLite nothing is committed while another transaction is open."""


def put(connection: psycopg.Connection[Any], event: Event) -> None:
    """Write an event past Enlist, in a transaction of one's own."""
    connection.execute(
        "INSERT INTO event (id, at, kind, actor_kind, organization_id, entry) "
        "SELECT %s, %s, %s, 'system', id, %s FROM organization WHERE parent_id IS NULL",
        (event.id, event.at, event.kind, event.entry),
    )


@with_many_writers
def test_a_slow_transaction_is_sealed_when_it_ends(
    real_time: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ids are smaller than those that the sealer has passed: "above the last" would lose it."""
    monkeypatch.setattr(sealing, "MARGIN", 0)
    monkeypatch.setattr(sealing, "_WIDE_EVERY", 10**9)
    sealer = Sealer(real_time.store)
    sealer.seal_all()
    with psycopg.connect(real_time.store._pool.conninfo) as connection:  # type: ignore[attr-defined]
        connection.execute("SELECT 1")  # a verb's `now` is read after its transaction has begun
        (slow,) = make_events([(SYSTEM, Happening("message.sent"))], system_clock())
        put(connection, slow)
        for _ in range(3):
            (fast,) = happen(real_time)
            assert sealer.look().sealed == 1
            assert fast > slow.id
        connection.commit()
    assert sealer.look().sealed == 1
    assert real_time.store.read(lambda tx: seals.number(tx, slow.id)) is not None
    assert sealer.look().sealed == 0


@with_many_writers
def test_what_commits_behind_a_large_batch_is_sealed(
    real_time: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that is full goes on where it stopped; the last of them begins where the first did."""
    monkeypatch.setattr(sealing, "_WIDE_EVERY", 10**9)
    sealer = Sealer(real_time.store, batch=4)
    sealer.seal_all()
    (behind,) = make_events([(SYSTEM, Happening("message.sent"))], system_clock())
    happen(real_time, 10)
    assert sealer.look() == sealing.Look(4, more=True)
    with psycopg.connect(real_time.store._pool.conninfo) as connection:  # type: ignore[attr-defined]
        put(connection, behind)
    assert sealer.seal_all() == 7
    assert real_time.store.read(lambda tx: seals.number(tx, behind.id)) is not None


def test_what_is_new_is_found_without_reading_the_log(enlist: Enlist, raw: Raw) -> None:
    """P15: also when there are millions of events before."""
    if enlist.store.dialect == "postgres":
        raw.execute("SET enable_seqscan = off")
    for name in ("recent", "between", "page_end", "size", "leaves", "subtrees", "number", "walk"):
        plan = raw.plan(QUERIES[f"seal.{name}"])
        assert scanned(plan) == [], (name, plan)


# --- the tree ---------------------------------------------------------------------------------


def test_the_kept_subtrees_prove_every_event_and_every_past(many: Enlist) -> None:
    """X47, P16: from few stored hashes, across their borders."""
    leaves = [bytes(row["leaf"]) for row in many.rows("event_seal")]
    kept = many.rows("event_subtree")
    assert [(row["level"], row["position"]) for row in kept] == [(8, 0), (8, 1)]

    def check(tx: Reader) -> None:
        reader = StoredSubtrees(tx)
        size = len(leaves)
        root = merkle.root(size, reader)
        tree = merkle.Frontier()
        for leaf in leaves:
            tree.push(leaf)
        assert tree.root() == root
        for index in (0, 1, 255, 256, 257, 511, 512, size - 1):
            proof = merkle.inclusion_proof(index, size, reader)
            assert merkle.verify_inclusion(leaves[index], index, size, proof, root)
        for old in (1, 255, 256, 257, 512, 600, size):
            proof = merkle.consistency_proof(old, size, reader)
            before = merkle.root(old, reader)
            assert merkle.verify_consistency(old, size, proof, before, root)

    many.store.read(check)
    whole(many)


def unguard(raw: Raw, enlist: Enlist, table: str) -> None:
    if enlist.store.dialect == "postgres":
        raw.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    else:
        raw.execute(f"DROP TRIGGER {table}_no_update")
        raw.execute(f"DROP TRIGGER {table}_no_delete")


def test_a_changed_subtree_is_found(many: Enlist, raw: Raw) -> None:
    """Proofs are made from them; the events that they stand for are named."""
    unguard(raw, many, "event_subtree")
    raw.execute(
        "UPDATE event_subtree SET hash = (SELECT hash FROM event_subtree WHERE position = 0)"
    )
    (finding,) = verify(many.installation.log).findings
    assert (finding.what, finding.seq) == ("subtree_changed", 256)
    assert "256 to 511" in finding.message


@pytest.mark.parametrize(
    ("table", "where", "told"),
    [
        ("event_subtree", "position = 1", "the hash of 256 events number 1 is missing"),
        ("event_seal", "seq = 599", "number (512 and number 602 are|599 is) missing"),
    ],
)
def test_a_torn_tree_is_not_added_to(
    many: Enlist, raw: Raw, table: str, where: str, told: str
) -> None:
    """A new seal over a hole would only hide where it is."""
    unguard(raw, many, table)
    raw.execute(f"DELETE FROM {table} WHERE {where}")
    happen(many)
    with pytest.raises(LogDamaged, match=told):
        Sealer(many.store).seal_all()
    with pytest.raises(LogDamaged, match=told):
        many.installation.log.sign()


# --- only ever added --------------------------------------------------------------------------


@pytest.mark.parametrize("table", SEALED)
def test_nothing_sealed_can_be_changed_or_removed(many: Enlist, raw: Raw, table: str) -> None:
    """S72: by the database itself."""
    assert many.installation.log.sign() is not None
    before = many.rows(table)
    assert before
    column = next(iter(before[0]))
    attempts = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
    if many.store.dialect == "postgres":
        attempts.append(f"TRUNCATE {table}")
    for statement in attempts:
        with pytest.raises(Refused, match="append-only"):
            raw.execute(statement)
    assert many.rows(table) == before
