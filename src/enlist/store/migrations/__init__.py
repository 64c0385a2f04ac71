"""The schema, as Alembic revisions, and what `serve` checks before it uses a database.

Alembic (and SQLAlchemy below it) is imported only when there is something to carry over: whether
there is costs one query against a constant (P08), and an empty database gets the statements of
every revision directly. A revision is a list of statements; what else it does to rows, an empty
database has none of.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from enlist.store.lanes import Store
from enlist.store.tx import Query, Reader, Statement, Tx

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

T = TypeVar("T")

REVISIONS: Final = (
    "0001_foundation",
    "0002_sealed_log",
    "0003_events_stand_alone",
    "0004_identity_life",
    "0005_device_sessions",
    "0006_api_sessions",
    "0007_revocation_feed",
    "0008_sms",
    "0009_device_labels",
    "0010_attempts_of_users",
    "0011_enrollment_source",
    "0012_restrictions",
    "0013_branding",
    "0014_webhooks",
    "0015_imports",
    "0016_offboardings",
    "0017_expiries",
    "0018_asset_numbers",
    "0019_test_messages",
    "0020_saved_views",
    "0021_terms",
    "0022_second_factor",
    "0023_waves",
    "0024_password_links",
    "0025_messages_due",
    "0026_email_domains",
    "0027_own_roles",
    "0028_prompts",
    "0029_alerts",
    "0030_left_out",
    "0031_long_lists",
    "0032_staging",
    "0033_authorized",
    "0034_passcode",
    "0035_leaked_keys",
    "0036_one_time_logins",
)
"""The modules of `versions`, oldest first; a test compares them with the files."""

HEAD: Final = REVISIONS[-1].partition("_")[0]
"""The revision that this version of Enlist wants."""

NEXT: Final = f"{int(HEAD) + 1:04}"
"""The revision of the version after this one: revisions are counted, without gaps."""

KNOWN: Final = frozenset(name.partition("_")[0] for name in REVISIONS)
"""Every revision that this version can bring to `HEAD`."""


class SchemaState(Enum):
    """How a database stands to this version of Enlist.

    One that is a single revision `AHEAD` is served as it is, so that an upgrade can roll: a
    revision only ever adds what the version before it can do without.
    """

    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"
    UNKNOWN = "unknown"


_HAS_TABLE = Query(
    "schema.has_table",
    "SELECT count(*) AS found FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'",
    postgres="SELECT count(*) AS found FROM information_schema.tables "
    "WHERE table_schema = current_schema() AND table_name = 'alembic_version'",
)
_REVISION = Query("schema.revision", "SELECT version_num FROM alembic_version")

_ONE_AT_A_TIME = Query(
    "schema.one_at_a_time",
    "SELECT 1 AS alone",  # SQLite has one writer anyway
    postgres="SELECT 1 AS alone FROM (SELECT pg_advisory_xact_lock(5020911061174603887)) AS lock",
)
_VERSION_TABLE = Statement(
    "schema.version_table",
    # As Alembic makes it, which is where it looks later.
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
)
_VERSION = Statement(
    "schema.version", "INSERT INTO alembic_version (version_num) VALUES (:revision)"
)


class Readable(Protocol):
    """What can be asked how it stands: a store, or one that is looked at from beside."""

    def read(self, function: Callable[[Reader], T]) -> T: ...


def revision(store: Readable) -> str | None:
    """The revision of the database, or None when it is empty."""
    return store.read(_revision)


def _revision(tx: Reader) -> str | None:
    row = tx.one(_HAS_TABLE)
    if row is None or not row["found"]:
        return None
    found = tx.one(_REVISION)
    return None if found is None else str(found["version_num"])


def state(store: Readable) -> SchemaState:
    """How the database stands to this version; see `SchemaState`."""
    found = revision(store)
    if found is None:
        return SchemaState.EMPTY
    if found == HEAD:
        return SchemaState.CURRENT
    if found == NEXT:
        return SchemaState.AHEAD
    return SchemaState.BEHIND if found in KNOWN else SchemaState.UNKNOWN


def create(store: Store) -> None:
    """Make the schema on an empty database, whole or not at all.

    Where two servers start on it at once, one makes it and the other finds it made.
    """
    dialect = "sqlite" if store.dialect == "sqlite" else "postgresql"

    def make(tx: Tx) -> None:
        tx.one(_ONE_AT_A_TIME)
        if _revision(tx) is not None:
            return
        for text in _statements(dialect):
            tx.run(Statement("schema.create", text))
        tx.run(_VERSION_TABLE)
        tx.run(_VERSION, revision=HEAD)

    store.write(make)


def _statements(dialect: str) -> Iterator[str]:
    for name in REVISIONS:
        yield from importlib.import_module(f"{__name__}.versions.{name}").statements(dialect)


def migrate(url: str) -> None:
    """Bring the database at `url` (`sqlite:///…` or `postgresql://…`) to `HEAD`.

    Raises:
        sqlalchemy.exc.OperationalError: the database cannot be reached.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, HEAD)
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    from sqlalchemy import create_engine, make_url

    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(parsed)
