"""Many tokens, waiting: one is issued by the verb, the others are rows like its own.

Issuing a million tokens one by one would take most of an hour, and is not what is measured here.
Each has ids, a device, a derived token and a digest of its own, made by what the verb makes them
with; everything else is copied from the one that the verb made.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from enlist.core.clock import system_clock
from enlist.core.ids import new_id
from enlist.core.model import GrantKind
from enlist.core.secrets import KeyRing, Kind
from enlist.settings import Settings
from enlist.verbs.callers import host_caller
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.register import Register
from enlist.verbs.users import AddUser
from enlist.wiring.installation import open_installation
from tests.bench.redeem import USER, beginning, must

_TABLES: Final = ("device", "enrollment", "enrollment_secret")
_AT_ONCE: Final = 20_000
Keys = tuple[KeyRing, Kind]
"""What makes a secret and its digest."""
Copy = dict[str, dict[str, Any]]
"""A row of each table, by column."""


def prepare(
    folder: Path,
    database: str,
    count: int,
    wanted: int,
    csr: str | None = None,
    *,
    shuffled: bool = False,
    grant: GrantKind = GrantKind.REGISTRATION_TOKEN,
    user: str = USER,
) -> Path:
    """Set up an installation with `count` live tokens.

    Args:
        user: whose devices they will be; made where it is not the administrator.

    Returns:
        A file with one request body a line, for `wanted` of the tokens, scattered among all; in
        the order in which they were issued, unless `shuffled`.
    """
    settings = Settings(data=folder, database=database)
    installation = open_installation(settings, beginning=beginning())
    caller = installation.store.read(lambda tx: host_caller(tx, "bench"))
    if user != USER:
        must(installation.driver.perform(AddUser("main", user), caller))
    details, kind = DeviceDetails("device", "linux"), Kind(grant.value)
    verb = Register("", user, details, Delivery("none"), grant=grant)
    must(
        installation.driver.perform(ChangeSettings("main", {"allow_bare_enrollment": True}), caller)
    )
    must(installation.driver.perform(verb, caller))
    keys = installation.tools.keys
    installation.close()
    chance = secrets.SystemRandom()
    chosen = set(chance.sample(range(count), min(wanted, count)))
    bodies: list[str] = []
    if database:
        _fill_postgres(database, count, chosen, (keys, kind), bodies, csr)
    else:
        _fill_sqlite(settings.sqlite_path, count, chosen, (keys, kind), bodies, csr)
    if shuffled:
        chance.shuffle(bodies)
    path = folder / "bodies.jsonl"
    path.write_text("\n".join(bodies) + "\n")
    return path


def _more(
    first: Copy, count: int, chosen: set[int], keys: Keys, bodies: list[str], csr: str | None
) -> Iterator[Copy]:
    """Rows of `count` more enrollments; `bodies` is given the requests of the chosen ones."""
    secret = first["enrollment_secret"]
    ring, kind = keys
    for number in range(count):
        device_id, enrollment_id = new_id(system_clock()), new_id(system_clock())
        token = ring.derive_token(enrollment_id, 1, secret["length"], secret["alphabet"]).secret
        digest = ring.digest(kind, token).value
        if number in chosen:
            body = {"token": token.reveal(), "device": {"platform": "linux"}}
            bodies.append(json.dumps(body | ({"csr": csr} if csr else {})))
        yield {
            "device": {**first["device"], "id": device_id, "name": f"device {number}"},
            "enrollment": {**first["enrollment"], "id": enrollment_id, "device_id": device_id},
            "enrollment_secret": {**secret, "enrollment_id": enrollment_id, "digest": digest},
        }


def _in_parts(rows: Iterator[Copy]) -> Iterator[Sequence[Copy]]:
    while part := list(islice(rows, _AT_ONCE)):
        yield part


def _fill_sqlite(
    path: Path, count: int, chosen: set[int], keys: Keys, bodies: list[str], csr: str | None
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        first = {
            table: dict(connection.execute(f"SELECT * FROM {table}").fetchone())
            for table in _TABLES
        }
        for part in _in_parts(_more(first, count, chosen, keys, bodies, csr)):
            connection.execute("BEGIN")
            for table in _TABLES:
                places = ", ".join("?" * len(first[table]))
                connection.executemany(
                    f"INSERT INTO {table} VALUES ({places})",
                    [tuple(copy[table].values()) for copy in part],
                )
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_postgres(
    url: str, count: int, chosen: set[int], keys: Keys, bodies: list[str], csr: str | None
) -> None:
    with psycopg.connect(url, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        first: Copy = {}
        for table in _TABLES:
            row = connection.execute(
                sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
            ).fetchone()
            assert row is not None
            first[table] = row
        for part in _in_parts(_more(first, count, chosen, keys, bodies, csr)):
            for table in _TABLES:
                copying = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
                with connection.cursor().copy(copying) as copied:
                    for copy in part:
                        copied.write_row(tuple(copy[table].values()))
        connection.execute("VACUUM ANALYZE")  # as before the yardstick
        connection.execute("CHECKPOINT")
