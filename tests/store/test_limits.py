"""What is over is swept: throttle windows and idempotency keys do not pile up."""

from __future__ import annotations

from enlist.core.clock import MINUTE, SECOND
from enlist.store import limits
from enlist.store.limits import IdempotencyKey
from tests.installation import Enlist

KEY = IdempotencyKey("caller", "k", b"request")
MADE = "0197a2c4-77aa-7c3e-8a51-0123456789ab"


def test_only_what_is_over_is_swept(enlist: Enlist) -> None:
    store = enlist.store
    store.write(lambda tx: limits.count_refusals(tx, ["old"]))
    store.write(lambda tx: limits.remember(tx, KEY, MADE, 10 * MINUTE))
    store.write(limits.decoy)
    enlist.clock.advance(minutes=5)
    store.write(lambda tx: limits.count_refusals(tx, ["new"]))
    enlist.clock.now += 5 * MINUTE - 1
    assert store.write(limits.sweep) == 0
    enlist.clock.now += 1
    assert store.write(limits.sweep) == 2
    assert {row["source"] for row in enlist.rows("throttle")} == {"new", "-"}
    assert enlist.rows("idempotency") == []


def test_a_key_is_remembered_once_and_may_be_taken_after_its_time(enlist: Enlist) -> None:
    """Ruling 25: the first request wins; afterwards the key is free."""
    store = enlist.store
    assert store.write(lambda tx: limits.remember(tx, KEY, MADE, MINUTE))
    other = IdempotencyKey("caller", "k", b"another")
    assert not store.write(lambda tx: limits.remember(tx, other, MADE, MINUTE))
    known = store.read(lambda tx: limits.recall(tx, other))
    assert known is not None
    assert (known.made_id, known.same_request) == (MADE, False)
    enlist.clock.now += MINUTE
    assert store.read(lambda tx: limits.recall(tx, KEY)) is None
    assert store.write(lambda tx: limits.remember(tx, other, MADE, MINUTE))


def test_the_time_to_wait_is_told_in_whole_seconds(enlist: Enlist) -> None:
    """S40: rounded up, so that trying then works."""
    for _ in range(10):
        enlist.store.write(lambda tx: limits.count_refusals(tx, ["s"]))
    assert enlist.store.write(lambda tx: limits.count_refusals(tx, ["s"])) == [False]
    enlist.clock.now += 10 * MINUTE - SECOND - 1
    assert enlist.store.read(lambda tx: limits.throttled(tx, "s")) == 2
    enlist.clock.now += 1
    assert enlist.store.read(lambda tx: limits.throttled(tx, "s")) == 1
    enlist.clock.now += SECOND
    assert enlist.store.read(lambda tx: limits.throttled(tx, "s")) is None
    assert enlist.store.read(lambda tx: limits.throttled(tx, "")) is None


def test_refusals_of_many_are_counted_as_if_they_came_one_by_one(enlist: Enlist) -> None:
    """Ruling 10: ten a source, the first first, also where a source comes again and again."""
    sources = ["b", "", *["a"] * 12, "b", ""]
    counted = enlist.store.write(lambda tx: limits.count_refusals(tx, sources))
    assert counted == [True, True, *[True] * 10, False, False, True, True]
    found = {row["source"]: row["refused"] for row in enlist.rows("throttle")}
    assert found == {"a": 10, "b": 2}
    enlist.clock.advance(minutes=10)
    assert enlist.store.write(lambda tx: limits.count_refusals(tx, ["a", "a"])) == [True, True]
    assert enlist.store.write(lambda tx: limits.count_refusals(tx, [])) == []
