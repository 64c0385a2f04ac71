"""The audit log is append-only, by the database itself; persons can be forgotten."""

from __future__ import annotations

import json
from functools import partial

import pytest

from enlist.core.events import Happening, personal_digest
from enlist.core.outcomes import Subjects
from enlist.store import events
from enlist.store.ahead import ReadAhead
from enlist.store.events import FirstUse
from enlist.store.tx import Reader
from tests.installation import Enlist, code
from tests.store.raw import Raw, Refused

COLUMNS = [
    "id",
    "at",
    "kind",
    "actor_kind",
    "actor_id",
    "organization_id",
    "user_id",
    "device_id",
    "enrollment_id",
    "support_code",
    "entry",
    "personal",
    "salt",
]


def test_the_columns_named_here_are_all_there_are(enlist: Enlist) -> None:
    assert sorted(enlist.rows("event")[0]) == sorted(COLUMNS)


@pytest.mark.parametrize("column", COLUMNS)
def test_nothing_of_an_event_can_be_changed(enlist: Enlist, raw: Raw, column: str) -> None:
    """X18, S72: not even to the same kind of value, and not while forgetting a person."""
    enlist.register("ada")
    before = enlist.rows("event")
    other = {"at": "at + 1", "salt": "'\\x00'", "personal": "'{}'"}.get(column)
    if other is None and column.endswith("id"):
        other = "'00000000-0000-7000-8000-000000000000'"
    for also in ("", ", personal = NULL, salt = NULL"):
        if also and column in ("personal", "salt"):
            continue
        with pytest.raises(Refused, match="append-only"):
            raw.execute(f"UPDATE event SET {column} = {other or repr('x')}{also}")
    assert enlist.rows("event") == before


def test_no_event_can_be_removed(enlist: Enlist, raw: Raw) -> None:
    """X18, S72: neither one nor all."""
    before = enlist.rows("event")
    with pytest.raises(Refused, match="append-only"):
        raw.execute("DELETE FROM event")
    with pytest.raises(Refused, match="append-only"):
        raw.execute(f"DELETE FROM event WHERE id = '{before[0]['id']}'")
    if enlist.store.dialect == "postgres":
        with pytest.raises(Refused, match="append-only"):
            raw.execute("TRUNCATE event")
        raw.execute("TRUNCATE organization CASCADE")  # which takes all that points to it along
    assert enlist.rows("event") == before


def test_a_person_can_be_forgotten(enlist: Enlist, raw: Raw) -> None:
    """S74: values and salt are gone together; the entry says the same as before."""
    enlist.redeem("abcdefghij")
    (row,) = enlist.rows("event", kind="enrollment.refused")
    raw.execute(f"UPDATE event SET personal = NULL, salt = NULL WHERE id = '{row['id']}'")
    (after,) = enlist.rows("event", kind="enrollment.refused")
    assert (after["personal"], after["salt"]) == (None, None)
    assert after["entry"] == row["entry"]
    (event,) = enlist.events("enrollment.refused")
    assert event.personal == {}
    with pytest.raises(Refused, match="append-only"):
        raw.execute(f"UPDATE event SET personal = '{{}}' WHERE id = '{row['id']}'")


def test_the_entry_holds_digests_of_what_stands_beside_it(enlist: Enlist) -> None:
    """S74: as they were stored, so can they be verified."""
    enlist.register("ada")
    for row in enlist.rows("event"):
        values = json.loads(row["personal"])
        entry = json.loads(row["entry"])
        assert entry["personal"] == {
            name: personal_digest(bytes(row["salt"]), value) for name, value in values.items()
        }
        assert (entry["id"], entry["at"], entry["kind"]) == (row["id"], row["at"], row["kind"])


def test_a_fault_leaves_no_event(enlist: Enlist) -> None:
    """X18: an event and what it tells of are one transaction."""
    before = enlist.rows("event")
    assert code(enlist.revoke("0" * 32)) == "not_found"
    assert len(enlist.rows("event")) == len(before) + 1


def test_the_first_uses_of_many_are_each_its_own(enlist: Enlist) -> None:
    """X37: the log tells who came first with this token, not who came last, or with another."""
    ids = [enlist.register("ada", name=f"laptop {n}").enrollment_id for n in range(4)]
    start, host = enlist.clock.now, enlist.host
    for enrollment_id in (*ids[:3], ids[2], ids[0]):
        enlist.clock.now += 1
        use = Happening("enrollment.redeemed", Subjects(enrollment_id=enrollment_id))
        enlist.store.write(partial(events.record, caller=host, happening=use))

    def first_uses(tx: Reader) -> list[FirstUse | None]:
        return [events.first_use(tx, each) for each in ids]

    def read_ahead(tx: Reader) -> list[FirstUse | None]:
        ahead = ReadAhead(tx)
        events.read_ahead(ahead, ids)
        return first_uses(ahead)

    found = enlist.store.read(read_ahead)
    assert [each and each.at - start for each in found] == [1, 2, 3, None]
    assert found == enlist.store.read(first_uses)
