"""The schema, as Alembic revisions, and what `serve` checks before it uses a database.

Alembic (and SQLAlchemy below it) is imported only when there is something to migrate: knowing
whether there is costs one query against a constant (P08).
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from enlist.store.lanes import Store
from enlist.store.tx import Query, Reader

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

HEAD: Final = "0001"
"""The revision that this version of Enlist wants; a test compares it with the files."""

KNOWN: Final = frozenset({"0001"})
"""Every revision that this version runs on: its own and, during a rolling upgrade, the next."""


class SchemaState(Enum):
    """How a database stands to this version of Enlist."""

    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    UNKNOWN = "unknown"


_HAS_TABLE = Query(
    "schema.has_table",
    "SELECT count(*) AS found FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'",
    postgres="SELECT count(*) AS found FROM information_schema.tables "
    "WHERE table_schema = current_schema() AND table_name = 'alembic_version'",
)
_REVISION = Query("schema.revision", "SELECT version_num FROM alembic_version")


def revision(store: Store) -> str | None:
    """The revision of the database, or None when it is empty."""

    def ask(tx: Reader) -> str | None:
        row = tx.one(_HAS_TABLE)
        if row is None or not row["found"]:
            return None
        found = tx.one(_REVISION)
        return None if found is None else str(found["version_num"])

    return store.read(ask)


def state(store: Store) -> SchemaState:
    """Whether the database is empty, current, behind, or from a version unknown here."""
    found = revision(store)
    if found is None:
        return SchemaState.EMPTY
    if found == HEAD:
        return SchemaState.CURRENT
    return SchemaState.BEHIND if found in KNOWN else SchemaState.UNKNOWN


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
