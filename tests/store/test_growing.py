"""Tables that grow from nothing within a minute: plans that were made for few rows still serve.

PostgreSQL counts rows once a minute at best, and a prepared statement keeps its plan until then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from enlist.core.ids import NOTHING
from enlist.store import feed, limits, outbox, seals  # noqa: F401 - their statements are looked up by name
from enlist.store.keyed import BY_KEYS
from enlist.store.tx import QUERIES, Query, Reader
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from enlist.verbs.sealing import Sealer
from tests.installation import MAILED, Enlist
from tests.store.raw import Raw, opened

ROWS = 20_000
FEW = 50
"""Pages that are read to find two rows by a key; all rows would be hundreds."""


def _copies(table: str, **special: str) -> str:
    """20,000 copies of a row, but for some columns."""
    changed = ", ".join(f"'{name}', {value}" for name, value in special.items())
    return f"""
        SELECT made.* FROM (SELECT one FROM {table} AS one LIMIT 1) AS any_row,
               generate_series(1, {ROWS}) AS n,
               json_populate_record(one, json_build_object({changed})) AS made
        """


GROWING = {
    "throttle.blocked_each": (
        "throttle",
        f"SELECT 'guesser ' || n, 9999999999999999, 3 FROM generate_series(1, {ROWS}) AS n",
        {"source": "ARRAY['guesser 7', 'guesser 8']", "most": "10", "now": "0"},
    ),
    "seal.recent": (
        "event_seal",
        f"SELECT 1000 + n, gen_random_uuid(), ''::bytea FROM generate_series(1, {ROWS}) AS n",
        {"since_id": "NEWEST", "limit": "2000"},
    ),
    "feed.events": (
        "event",
        _copies("event", id="md5(n::text)::uuid"),
        {
            "after": "0",
            "last": "2",
            "path": "'/'",
            "path_end": "'0'",
            "kinds": "''",
            "marks": "'[]'",
            "limit": "5",
        },
    ),
    "user.by_username_each": (
        "app_user",
        _copies(
            "app_user", id="md5(n::text)::uuid", username_folded="'user' || n", email_folded="''"
        ),
        {"username": "ARRAY['user7', 'user8']"},
    ),
    "user.hold_each": (
        "app_user",
        _copies(
            "app_user", id="md5(n::text)::uuid", username_folded="'user' || n", email_folded="''"
        ),
        {"id": f"ARRAY['{NOTHING}'::uuid]"},
    ),
    "enrollment.taken_each": (
        "enrollment_secret",
        _copies("enrollment_secret", generation="100 + n", digest="sha256(n::text::bytea)"),
        {"digest": "ARRAY[sha256('7'), sha256('8')]"},
    ),
    "message.due": (
        "message",
        _copies("message", id="md5(n::text)::uuid"),
        {"channel": "'email'", "now": "9999999999999999", "limit": "5"},
    ),
}
"""By statement: the table that grows, its new rows, and what is asked for."""


BESIDE = {"message.due": "SET enable_sort = off; SET enable_bitmapscan = off"}
"""What statements are planned with that are not of the hot lane."""


@pytest.fixture
def raw(enlist: Enlist) -> Iterator[Raw]:
    with opened(enlist.settings) as connection:
        yield connection


@pytest.mark.parametrize("name", GROWING)
def test_a_table_that_grew_is_not_read_whole(enlist: Enlist, raw: Raw, name: str) -> None:
    """A flood of guesses, or a log that grows fast, makes nobody else's request dearer."""
    if enlist.store.dialect != "postgres":
        pytest.skip("SQLite makes no plan by the number of rows")
    table, new, given = GROWING[name]
    enlist.user("ada")
    enlist.do(Register("", "ada", DeviceDetails("laptop", "linux"), MAILED))
    Sealer(enlist.store).seal_all()
    newest = max(row["id"] for row in enlist.rows("event"))
    raw.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    raw.execute(f"VACUUM ANALYZE {table}")
    raw.execute(BESIDE.get(name, BY_KEYS))
    text = QUERIES[name].postgres.replace("%%", "%")
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)[sb]", text)))
    text = re.sub(r"%\((\w+)\)[sb]", lambda found: f"${names.index(found[1]) + 1}", text)
    values = ", ".join(given[each] for each in names).replace("NEWEST", f"'{newest}'")
    raw.execute(f"PREPARE asked_all_day AS {text}")
    raw.execute(f"EXECUTE asked_all_day({values})")
    raw.execute(f"INSERT INTO {table} {new}")
    ((explained,),) = raw.execute(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked_all_day({values})"
    )
    assert pages(explained) < FEW, json.dumps(explained, indent=1)


def test_a_look_at_the_end_of_the_log_reads_no_table_whole(enlist: Enlist) -> None:
    """What the statements above are planned with; for that look alone."""
    if enlist.store.dialect != "postgres":
        pytest.skip("SQLite makes no plan by the number of rows")

    def whole(tx: Reader) -> str:
        row = tx.one(WHOLE)
        assert row is not None
        return str(row["allowed"])

    recent = enlist.store.read(lambda tx: (seals.recent(tx, NOTHING, 1), whole(tx)))
    page = enlist.store.read(lambda tx: (seals.page(tx, NOTHING, 1), whole(tx)))
    read_on = enlist.store.read(lambda tx: (feed.after(tx, 0, "/", 1), whole(tx)))
    seen = [found for _, found in (recent, page, read_on)]
    assert (seen, enlist.store.read(whole)) == (["off"] * 3, "on")


def test_a_look_for_what_is_due_sorts_nothing(enlist: Enlist, raw: Raw) -> None:
    """What the statement above is planned with; on SQLite, the index in whose order it walks."""
    (plan,) = raw.plan(QUERIES["message.due"])[:1]
    if enlist.store.dialect == "sqlite":
        assert "USING INDEX message_due (channel=? AND next_try_at<?)" in plan, plan
        return

    def allowed(tx: Reader) -> str:
        row = tx.one(SORTING)
        assert row is not None
        return str(row["allowed"])

    looked = enlist.store.read(lambda tx: (outbox.due(tx, "email", 1), allowed(tx)))
    assert (looked[1], enlist.store.read(allowed)) == ("off off", "on on")


SORTING = Query(
    "test.growing_sorting",
    "SELECT 'on' AS allowed",
    postgres="SELECT current_setting('enable_sort') || ' ' "
    "|| current_setting('enable_bitmapscan') AS allowed",
)
WHOLE = Query(
    "test.growing_whole",
    "SELECT 'on' AS allowed",
    postgres="SELECT current_setting('enable_seqscan') AS allowed",
)


def pages(explained: Any) -> int:
    """How many pages a statement read."""
    plan = explained[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
