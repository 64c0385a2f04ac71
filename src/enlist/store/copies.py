"""Whole copies of a database: what backup and restore do outside of any transaction of ours.

SQLite is copied by its own online backup, which reads one snapshot while others write. PostgreSQL
is copied by `pg_dump`, which does the same (ruling 33), and filled by `pg_restore` in one
transaction. Both get the connection's parameters by environment, since anybody on the machine can
read a command line.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from enlist.store.lanes import Store
from enlist.store.sqlite import connect
from enlist.store.tx import Query

_ENVIRONMENT: Final[Mapping[str, str]] = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "dbname": "PGDATABASE",
    "service": "PGSERVICE",
    "options": "PGOPTIONS",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "channel_binding": "PGCHANNELBINDING",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "gssencmode": "PGGSSENCMODE",
}
_TABLES = Query(
    "copies.tables",
    "SELECT count(*) AS found FROM sqlite_master",
    postgres="""
    SELECT count(*) AS found FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'S') AND n.nspname NOT LIKE 'pg_%'
       AND n.nspname <> 'information_schema'
       AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    """,
)


class CopyFailed(Exception):
    """The copy is not whole and must not be used; the message says why."""


def copy_sqlite(source: Path, target: Path) -> None:
    """A copy of one moment of a database that may be in use, as a single file.

    Raises:
        CopyFailed: a full disk, or a database that cannot be read.
    """
    target.touch(mode=0o600)
    try:
        with (
            closing(connect(source, writable=False)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            # Else whoever opens it next leaves two more files beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise CopyFailed(str(error)) from error


def check_sqlite(path: Path) -> None:
    """Read all of a database and its indexes.

    Raises:
        CopyFailed: it is damaged.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as found:
            rows = found.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.Error as error:
        raise CopyFailed(str(error)) from error
    if rows != [("ok",)]:
        raise CopyFailed(str(rows[0][0]))


def dump_postgres(url: str, target: Path) -> None:
    """A copy of one moment of a database that may be in use, as `pg_dump` writes it.

    Raises:
        CopyFailed: `pg_dump` is missing, older than the server, or failed; says what it said.
    """
    target.touch(mode=0o600)
    options = ("--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    _run("pg_dump", options, url)


def fill_postgres(url: str, source: Path) -> None:
    """Fill an empty database from a dump, whole or not at all.

    Raises:
        CopyFailed: see `dump_postgres`.
    """
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    name = _environment(url).get("PGDATABASE", "")
    _run("pg_restore", (*options, f"--dbname={name}", str(source)), url)


def holds_nothing(store: Store) -> bool:
    """Whether no table of anybody is in the database; those of extensions do not count."""
    row = store.read(lambda tx: tx.one(_TABLES))
    return row is not None and not row["found"]


def _run(program: str, options: Sequence[str], url: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise CopyFailed(
            f"{program} is not on this machine. Install PostgreSQL's client programs, in the "
            "server's version or newer (Debian: apt-get install postgresql-client)"
        )
    ran = subprocess.run(  # noqa: S603 - the program and the options are ours
        [found, *options],
        env={**os.environ, **_environment(url)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if ran.returncode != 0:
        said = " ".join(ran.stderr.split())[:500] or f"exit code {ran.returncode}"
        raise CopyFailed(f"{program}: {said}")


def _environment(url: str) -> dict[str, str]:
    """The parameters of a connection, as PostgreSQL's own programs take them."""
    from psycopg.conninfo import conninfo_to_dict

    given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    unknown = sorted(set(given) - set(_ENVIRONMENT))
    if unknown:
        raise CopyFailed(f"pg_dump cannot be told {', '.join(unknown)} of the database's URL")
    return {_ENVIRONMENT[name]: value for name, value in given.items()}
